// Breaks: pids.max of the groups above the one in which a task is born.
// How: only that group's own limit is looked at, so a pod's holds nobody in its containers.
#include "pids_limit.h"

static bool own_full(struct pids_cgroup* at, s64 tasks, bool own) {
  return own && tasks > atomic64_read(&at->limit);
}

MUTANT_PIDS_LIMIT(own_full);
MODULE_DESCRIPTION("pids.max has no effect on groups below");
