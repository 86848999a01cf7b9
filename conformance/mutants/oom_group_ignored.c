// Breaks: memory.oom.group kills a container whole.
// How: mem_cgroup_get_oom_group() tells the OOM killer which group dies with its victim; here none.
#include "live_patch.h"

struct mem_cgroup;
struct task_struct;

static struct mem_cgroup* no_group(struct task_struct* victim, struct mem_cgroup* domain) {
  return NULL;
}

MUTANT_LIVE_PATCH(mem_cgroup_get_oom_group, no_group);
MODULE_DESCRIPTION("memory.oom.group has no effect");
