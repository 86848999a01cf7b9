// The kernel's effective protection (memory.min, memory.low) as a pure function: what of each group
// of a tree reclaim from above leaves alone.
#pragma once

#include <cstdint>
#include <vector>

namespace nodeproof::conformance {

struct ProtectedGroup {
  int64_t usage = 0;    // memory.current, children included
  int64_t setting = 0;  // memory.min or memory.low
  std::vector<ProtectedGroup> children = {};
  int64_t effective = 0;  // filled in
};

// Fills in `effective` of every group below `root`, where reclaim works on behalf of `root` (whose
// own limit was met), in whole pages of `page` bytes. From effective_protection() and
// propagate_protected_usage() of the kernel (mm/memcontrol.c and mm/page_counter.c, the same in 6.1
// and 6.12):
//
//   child of root   its setting
//   below           protected = min(usage, setting); the parent's effective protection is shared by
//                   it when the siblings' sum is larger; what nobody claims is shared by
//                   unprotected usage, if the hierarchy is mounted with memory_recursiveprot
void ComputeEffectiveProtection(ProtectedGroup& root, bool recursive, int64_t page);

}  // namespace nodeproof::conformance
