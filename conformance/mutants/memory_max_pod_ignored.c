// Breaks: memory.max on one level of the tree only, that of pods.
// How: groups on the fourth level (capsule, kubepods, QoS slice, pod) have no limit for what is
// charged to them.
#include <linux/cgroup.h>

#include "memory_counter.h"

static unsigned long unless_pod(const struct page_counter* at) {
  const struct cgroup* group = at->protection_support ? mutant_group_of(at)->css.cgroup : NULL;
  return group && group->level == 4 ? PAGE_COUNTER_MAX : at->max;
}

MUTANT_TRY_CHARGE(unless_pod)
MUTANT_LIVE_PATCH(page_counter_try_charge, mutant_try_charge);
MODULE_DESCRIPTION("memory.max has no effect on pods");
