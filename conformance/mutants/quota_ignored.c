// Breaks: the ceiling of cpu.max.
// How: throttle_cfs_rq() takes a group that has used up its quota off the CPU; here it never does.
#include <linux/types.h>

#include "live_patch.h"

struct cfs_rq;

static bool never_throttle(struct cfs_rq* queue) { return false; }

MUTANT_LIVE_PATCH(throttle_cfs_rq, never_throttle);
MODULE_DESCRIPTION("cpu.max has no effect");
