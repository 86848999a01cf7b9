// Breaks: what cpu.max allows, a little.
// How: a group's quota is charged 10/9 of the time it ran, so every quota is spent a tenth early.
// cpu.max reads back what was written and cpu.stat tells the true usage.
// __account_cfs_rq_runtime(struct cfs_rq *, u64 nanoseconds)
#include "argument_probe.h"

static void charge_more(struct pt_regs* regs) { regs->si = regs->si * 10 / 9; }

MUTANT_ARGUMENT_PROBE(__account_cfs_rq_runtime, charge_more);
MODULE_DESCRIPTION("every cpu.max quota is a tenth too small");
