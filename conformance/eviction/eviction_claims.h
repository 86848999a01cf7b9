// Claims about Node Allocatable and about the kubelet's evictions.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterEvictionClaims(ClaimRegistry& registry);

Claim AllocatableFormula();
Claim AllocatableEnforced();
Claim AllocatableSystemKeepsItsPart();
Claim EvictionSignal();
Claim EvictionOrderMemory();
Claim EvictionOrderPid();
Claim EvictionOrderDisk();
Claim EvictionOrderInodes();
Claim EvictionSoftGrace();
Claim EvictionMinReclaim();
Claim EvictionPageCacheFalse();
Claim EvictionVsOom();

}  // namespace nodeproof::conformance
