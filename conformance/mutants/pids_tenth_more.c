// Breaks: pids.max, a little.
// How: a group is full with a tenth more tasks than pids.max says.
#include <linux/math64.h>

#include "pids_limit.h"

static bool full_with_a_tenth_more(struct pids_cgroup* at, s64 tasks, bool own) {
  const s64 limit = atomic64_read(&at->limit);
  return tasks > limit + div_s64(limit, 10);
}

MUTANT_PIDS_LIMIT(full_with_a_tenth_more);
MODULE_DESCRIPTION("pids.max acts like a tenth more");
