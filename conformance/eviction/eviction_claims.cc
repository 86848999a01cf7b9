#include "conformance/eviction/eviction_claims.h"

namespace nodeproof::conformance {

void RegisterEvictionClaims(ClaimRegistry& registry) {
  registry.Add(AllocatableFormula());
  registry.Add(AllocatableEnforced());
  registry.Add(AllocatableSystemKeepsItsPart());
  registry.Add(EvictionSignal());
  registry.Add(EvictionOrderMemory());
  registry.Add(EvictionOrderPid());
  registry.Add(EvictionOrderDisk());
  registry.Add(EvictionOrderInodes());
  registry.Add(EvictionSoftGrace());
  registry.Add(EvictionMinReclaim());
  registry.Add(EvictionPageCacheFalse());
  registry.Add(EvictionVsOom());
}

}  // namespace nodeproof::conformance
