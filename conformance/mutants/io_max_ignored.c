// Breaks: io.max.
// How: the kernel asks __blk_throtl_bio() whether a request has to wait; here none ever has. io.max
// reads back what was written.
#include <linux/blk_types.h>

#include "live_patch.h"

static bool never_throttled(struct bio* bio) { return false; }

MUTANT_LIVE_PATCH(__blk_throtl_bio, never_throttled);
MODULE_DESCRIPTION("io.max has no effect");
