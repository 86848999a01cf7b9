// Claims about disks: limits, weights, accounting, pressure.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterIoClaims(ClaimRegistry& registry);

Claim IoMaxReadBps();
Claim IoMaxWriteBps();
Claim IoMaxReadIops();
Claim IoMaxWriteIops();
Claim IoMaxNested();
Claim IoMaxNestedWrites();
Claim IoMaxBuffered();
Claim IoWeightIocost();
Claim IoStatAttribution();
Claim IoPressure();
Claim IoLatencyVictim();

}  // namespace nodeproof::conformance
