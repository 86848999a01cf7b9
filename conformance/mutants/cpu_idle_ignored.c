// Breaks: cpu.idle.
// How: sched_group_set_idle() makes a group idle; here it gives it the least weight instead.
#include "argument_probe.h"

static int keep(void) { return 0; }

// sched_group_set_idle(struct task_group *, long idle)
static void skip(struct pt_regs* regs) { regs->ip = (unsigned long)keep; }

MUTANT_ARGUMENT_PROBE(sched_group_set_idle, skip);
MODULE_DESCRIPTION("cpu.idle has no effect");
