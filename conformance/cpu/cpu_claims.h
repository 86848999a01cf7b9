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
Claim CpuMaxTwoInOne();
Claim CpuMaxMultiThread();
Claim CpuMaxNested();
Claim CpuMaxPodLevel();
Claim CpuMaxResize();
Claim CpuMaxBurst();
Claim CpuMaxBurstyLowUsage();
Claim CpuMaxUnthrottleProgress();
Claim CpuMaxExclusiveNoQuota();
Claim CpuMaxSystemdRounding();
Claim CpuMaxShortPeriod();
Claim CpuMaxFloor();
Claim CpuMaxThrottleCounters();
Claim CpuStatSplit();
Claim CpuStatWall();
Claim CpuWakeupProtected();
Claim CpuGapProtected();

}  // namespace nodeproof::conformance
