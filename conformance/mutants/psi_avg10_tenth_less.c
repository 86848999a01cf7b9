// Breaks: avg10 of a pressure file follows what its total grows.
// How: whenever the averages are renewed, avg10 loses a tenth of what it gained.
#include <linux/cgroup.h>
#include <linux/psi_types.h>

#include "return_probe.h"

struct call {
  struct psi_group* group;
  unsigned long before[NR_PSI_STATES - 1];
};

// update_averages(struct psi_group *, u64 now)
static void entered(struct call* call, struct pt_regs* regs) {
  call->group = (struct psi_group*)regs->di;
  for (int i = 0; i < NR_PSI_STATES - 1; ++i) call->before[i] = call->group->avg[i][0];
}

static void returned(const struct call* call, struct pt_regs* regs) {
  for (int i = 0; i < NR_PSI_STATES - 1; ++i) {
    unsigned long* average = &call->group->avg[i][0];
    if (*average > call->before[i]) *average -= (*average - call->before[i]) / 10;
  }
}

MUTANT_RETURN_PROBE(update_averages);
MODULE_DESCRIPTION("avg10 of pressure files gains a tenth less");
