// Breaks: memory.high slows growth down and reclaims.
// How: mem_cgroup_handle_over_high() does both, on the way back to user space and while charging;
// here it does nothing. memory.high reads back what was written.
#include <linux/gfp.h>

#include "live_patch.h"

static void without_throttling(gfp_t flags) {}

MUTANT_LIVE_PATCH(mem_cgroup_handle_over_high, without_throttling);
MODULE_DESCRIPTION("memory.high has no effect");
