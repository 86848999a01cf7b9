// Breaks: the ceiling of cpu.max, a little.
// How: a group's quota is charged 10/11 of the time it ran, so every quota lasts a tenth longer
// than it should. cpu.max reads back what was written and cpu.stat tells the true usage.
// __account_cfs_rq_runtime(struct cfs_rq *, u64 nanoseconds)
#include "argument_probe.h"

static void charge_less(struct pt_regs* regs) { regs->si = regs->si * 10 / 11; }

MUTANT_ARGUMENT_PROBE(__account_cfs_rq_runtime, charge_less);
MODULE_DESCRIPTION("every cpu.max quota is a tenth too large");
