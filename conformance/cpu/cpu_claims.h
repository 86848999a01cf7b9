// Claims about CPU time: weights and quotas.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterCpuClaims(ClaimRegistry& registry);

Claim CpuWeightSiblings();
Claim CpuWeightSlices();
Claim CpuWeightPods();
Claim CpuWeightQos();
Claim CpuWeightNested();
Claim CpuWeightFullTree();
Claim CpuWeightThreads();
Claim CpuWeightWorkConserving();
Claim CpuWeightTree();
Claim CpuWeightManyGroups();
Claim CpuWeightConversion();
Claim CpuWeightResize();
Claim CpuWeightHostNotStarved();
Claim CpuIdleYields();
Claim CpuMaxCeiling();
Claim CpuMaxWithinBudget();

}  // namespace nodeproof::conformance
