// The processes of a subtree, and births into a group that may be refused.
#pragma once

#include "conformance/arm_context.h"
#include "harness/cgroup/cgroup.h"

namespace nodeproof::conformance {

// Processes in `group` and below, by cgroup.procs of each; zombies are not among them.
Result<int64_t> ProcessesBelow(const cgroup::Cgroup& group);

// The errno with which a birth into `group` fails, or 0; the process that was born has ended then.
Result<int> BirthError(const ArmContext& context, const cgroup::Cgroup& group);

// The errno of a status, 0 if it is none.
inline int CodeOf(const Status& status) { return status ? 0 : status.error().code; }

}  // namespace nodeproof::conformance
