// Breaks: a PSI trigger wakes who polls it.
// How: update_triggers() looks whether a trigger's threshold was met; here it does not.
#include "argument_probe.h"

static void look_at_nothing(void) {}

static void skip(struct pt_regs* regs) { regs->ip = (unsigned long)look_at_nothing; }

MUTANT_ARGUMENT_PROBE(update_triggers, skip);
MODULE_DESCRIPTION("PSI triggers never fire");
