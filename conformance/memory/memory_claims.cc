#include "conformance/memory/memory_claims.h"

namespace nodeproof::conformance {

void RegisterMemoryClaims(ClaimRegistry& registry) {
  registry.Add(MemoryMaxOom());
  registry.Add(MemoryMaxGroup());
  registry.Add(MemoryHighThrottles());
  registry.Add(MemoryHighProgress());
  registry.Add(MemoryHighFormula());
  registry.Add(MemoryMinAnonHog());
  registry.Add(MemoryMaxPageCacheReclaimed());
  registry.Add(MemoryMaxPageCacheNeverOom());
  registry.Add(MemoryMaxLowering());
  registry.Add(MemoryHighPageCache());
}

}  // namespace nodeproof::conformance
