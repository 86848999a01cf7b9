// Breaks: CPU time in proportion to cpu.weight.
// How: update_cfs_group() gives a group's entity its part of the group's weight on each CPU.
// Without it an entity keeps the weight it was born with, that of cpu.weight 100. The knob still
// reads back what was written.
#include <linux/sched.h>

#include "live_patch.h"

static void without_weights(struct sched_entity* entity) {}

MUTANT_LIVE_PATCH(update_cfs_group, without_weights);
MODULE_DESCRIPTION("cpu.weight has no effect");
