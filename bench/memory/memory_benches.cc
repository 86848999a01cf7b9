#include "bench/memory/memory_benches.h"

namespace nodeproof::bench {

void RegisterMemoryBenches(Registry& registry) {
  AddFaults(registry);
  AddReclaim(registry);
  AddLimits(registry);
  AddSlab(registry);
}

}  // namespace nodeproof::bench
