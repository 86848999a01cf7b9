// Breaks: in an isolated partition nothing is balanced.
// How: rebuild_sched_domains_locked() parts the CPUs among which load is balanced by partitions;
// here they stay together.
#include "argument_probe.h"

static void keep_together(void) {}

static void skip(struct pt_regs* regs) { regs->ip = (unsigned long)keep_together; }

MUTANT_ARGUMENT_PROBE(rebuild_sched_domains_locked, skip);
MODULE_DESCRIPTION("isolated partitions are balanced");
