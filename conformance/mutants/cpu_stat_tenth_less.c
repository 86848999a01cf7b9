// Breaks: usage_usec of cpu.stat.
// How: a group is charged nine tenths of the time that its tasks ran. Weights and quotas have
// accounts of their own.
#include "argument_probe.h"

// __cgroup_account_cputime(struct cgroup *, u64 nanoseconds)
static void charge_less(struct pt_regs* regs) { regs->si = regs->si * 9 / 10; }

MUTANT_ARGUMENT_PROBE(__cgroup_account_cputime, charge_less);
MODULE_DESCRIPTION("cpu.stat counts nine tenths of CPU time");
