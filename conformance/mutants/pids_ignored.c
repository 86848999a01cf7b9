// Breaks: pids.max.
// How: every birth is counted and none is refused. pids.max reads back what was written.
#include "pids_limit.h"

static bool never_full(struct pids_cgroup* at, s64 tasks, bool own) { return false; }

MUTANT_PIDS_LIMIT(never_full);
MODULE_DESCRIPTION("pids.max has no effect");
