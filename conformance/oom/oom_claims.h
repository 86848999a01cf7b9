// Claims about out-of-memory kills: who dies, and who does not.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterOomClaims(ClaimRegistry& registry);

Claim OomOrder();
Claim OomLargestFirst();
Claim OomGlobalOrder();
Claim OomStaysInside();
Claim OomScoreAdjValues();
Claim OomGroup();

}  // namespace nodeproof::conformance
