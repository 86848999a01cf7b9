// Breaks: time in which tasks wait for a disk shows in pressure stall information.
// How: no group, and not the machine, is told of tasks that begin or end such a wait.
#include <linux/cgroup.h>
#include <linux/psi_types.h>

#include "argument_probe.h"

// psi_group_change(struct psi_group *, int cpu, unsigned clear, unsigned set, …)
static void without_io(struct pt_regs* regs) {
  regs->dx &= ~(unsigned long)TSK_IOWAIT;
  regs->cx &= ~(unsigned long)TSK_IOWAIT;
}

MUTANT_ARGUMENT_PROBE(psi_group_change, without_io);
MODULE_DESCRIPTION("stalls for I/O are not counted");
