// Claims about NUMA: where memory comes from.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterNumaClaims(ClaimRegistry& registry);

Claim NumaMemsBinding();
Claim NumaMemsLevels();
Claim NumaMemsMigrate();
Claim NumaPolicyBind();
Claim NumaPolicyPreferred();
Claim NumaPolicyInterleave();
Claim NumaPolicyWeightedInterleave();
Claim NumaAligned();
Claim NumaBoundOomStays();
Claim NumaStat();
Claim NumaLatencyOrder();
Claim NumaCxlLatency();
Claim NumaFarTier();
Claim NumaCxlTier();
Claim NumaFarPromotion();
Claim NumaLocalRemoteLimit();
Claim NumaCxlLocalRemoteLimit();

}  // namespace nodeproof::conformance
