// Where the kernel counts births that pids.max refused.
#pragma once

#include "harness/cgroup/cgroup.h"

namespace nodeproof::conformance {

// Whether `max` of pids.events is counted for the group whose limit was met, and all above it: from
// 6.11 on ("cgroup/pids: Make event counters hierarchical"), unless the hierarchy is mounted with
// pids_localevents. Otherwise it is counted for the group where the task was to be, alone.
Result<bool> RefusalsCountAtTheLimit(const cgroup::Cgroup& group);

}  // namespace nodeproof::conformance
