#include "conformance/oom/oom_claims.h"

namespace nodeproof::conformance {

void RegisterOomClaims(ClaimRegistry& registry) {
  registry.Add(OomOrder());
  registry.Add(OomLargestFirst());
  registry.Add(OomGlobalOrder());
  registry.Add(OomStaysInside());
  registry.Add(OomScoreAdjValues());
  registry.Add(OomGroup());
}

}  // namespace nodeproof::conformance
