#include "conformance/cpu/cpu_claims.h"

namespace nodeproof::conformance {

void RegisterCpuClaims(ClaimRegistry& registry) {
  registry.Add(CpuWeightSiblings());
  registry.Add(CpuWeightSlices());
  registry.Add(CpuWeightPods());
  registry.Add(CpuWeightQos());
  registry.Add(CpuWeightNested());
  registry.Add(CpuWeightFullTree());
  registry.Add(CpuWeightThreads());
  registry.Add(CpuWeightWorkConserving());
  registry.Add(CpuWeightTree());
  registry.Add(CpuWeightManyGroups());
  registry.Add(CpuWeightConversion());
  registry.Add(CpuWeightResize());
  registry.Add(CpuWeightHostNotStarved());
  registry.Add(CpuIdleYields());
  registry.Add(CpuMaxCeiling());
  registry.Add(CpuMaxWithinBudget());
  registry.Add(CpuMaxTwoInOne());
  registry.Add(CpuMaxMultiThread());
  registry.Add(CpuMaxNested());
  registry.Add(CpuMaxPodLevel());
  registry.Add(CpuMaxResize());
  registry.Add(CpuMaxBurst());
  registry.Add(CpuMaxBurstyLowUsage());
  registry.Add(CpuMaxUnthrottleProgress());
  registry.Add(CpuMaxExclusiveNoQuota());
  registry.Add(CpuMaxSystemdRounding());
  registry.Add(CpuMaxShortPeriod());
  registry.Add(CpuMaxFloor());
  registry.Add(CpuMaxThrottleCounters());
  registry.Add(CpuStatSplit());
  registry.Add(CpuStatWall());
  registry.Add(CpuWakeupProtected());
  registry.Add(CpuGapProtected());
}

}  // namespace nodeproof::conformance
