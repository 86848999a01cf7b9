#include "conformance/numa/numa_claims.h"

namespace nodeproof::conformance {

void RegisterNumaClaims(ClaimRegistry& registry) {
  registry.Add(NumaMemsBinding());
  registry.Add(NumaMemsLevels());
  registry.Add(NumaMemsMigrate());
  registry.Add(NumaPolicyBind());
  registry.Add(NumaPolicyPreferred());
  registry.Add(NumaPolicyInterleave());
  registry.Add(NumaPolicyWeightedInterleave());
  registry.Add(NumaAligned());
  registry.Add(NumaBoundOomStays());
  registry.Add(NumaStat());
  registry.Add(NumaLatencyOrder());
  registry.Add(NumaFarTier());
  registry.Add(NumaFarPromotion());
  registry.Add(NumaLocalRemoteLimit());
  registry.Add(NumaCxlTier());
  registry.Add(NumaCxlLatency());
  registry.Add(NumaCxlLocalRemoteLimit());
}

}  // namespace nodeproof::conformance
