// Benchmarks of memory: faults and charges, reclaim and refaults, memory.high and the OOM killer,
// slab, and the statistics behind memory.stat.
#pragma once

#include "bench/core/bench.h"

namespace nodeproof::bench {

void RegisterMemoryBenches(Registry& registry);

void AddFaults(Registry& registry);
void AddReclaim(Registry& registry);
void AddLimits(Registry& registry);
void AddSlab(Registry& registry);

}  // namespace nodeproof::bench
