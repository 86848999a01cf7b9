#include "conformance/memory/memory_claims.h"

namespace nodeproof::conformance {

void RegisterMemoryClaims(ClaimRegistry& registry) {
  registry.Add(MemoryMaxOom());
  registry.Add(MemoryMinAnonHog());
}

}  // namespace nodeproof::conformance
