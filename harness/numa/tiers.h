// Memory tiers: which NUMA nodes are slower memory than others, by the kernel's own order.
// Source: Documentation/ABI/testing/sysfs-kernel-mm-memory-tiers (kernel 6.1).
#pragma once

#include <map>
#include <string>

#include "harness/base/result.h"

namespace nodeproof::numa {

struct Tiers {
  std::map<int, int> of_node;  // the number of the node's tier; higher is slower
  std::string text;            // "memory_tier4: 0-1, memory_tier22: 2"
};

// Reads `sysfs`/devices/virtual/memory_tiering (tests hand it a fake tree). `unsupported` where the
// kernel has none.
Result<Tiers> ReadTiers(const std::string& sysfs = "/sys");

}  // namespace nodeproof::numa
