// The kernel's static keys that cgroups flip.
#pragma once

#include "harness/base/result.h"
#include "harness/cgroup/cgroup.h"

namespace nodeproof::cgroup {

// Makes the group "static-keys" below `root`, with a CPU quota and, where there is one, a cpuset,
// and leaves it there. While it stands, the kernel's static keys for quotas
// (kernel/sched/fair.c, __cfs_bandwidth_used) and cpusets (cpusets_enabled_key) stay on; without it
// they flip with the first group that uses them and back with the last.
//
// A flip patches running code. QEMU before 8.1 translates code without the page lock, so that a
// guest CPU under multi-threaded TCG may keep a translation of the breakpoint that stands there for
// an instant, and die of it much later ("Oops: int3" in pick_task_fair). Guests make this group
// before anything runs in them, when no other CPU is in that code.
//
// `controllers` are those enabled in `root`. Errors: it cannot be made.
Status HoldStaticKeys(const Cgroup& root, const std::vector<std::string>& controllers);

}  // namespace nodeproof::cgroup
