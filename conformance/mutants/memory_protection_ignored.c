// Breaks: memory.min and memory.low keep a group's pages from reclaim.
// How: mem_cgroup_calculate_protection() tells reclaim the effective protection of a group before
// it scans it; without it the effective protection is 0 for every group born after loading.
#include "live_patch.h"

struct mem_cgroup;

static void without_protection(struct mem_cgroup* root, struct mem_cgroup* group) {}

MUTANT_LIVE_PATCH(mem_cgroup_calculate_protection, without_protection);
MODULE_DESCRIPTION("memory.min and memory.low have no effect");
