#include "conformance/cpu/cpu_claims.h"

namespace nodeproof::conformance {

void RegisterCpuClaims(ClaimRegistry& registry) {
  registry.Add(CpuWeightSiblings());
  registry.Add(CpuWeightSlices());
  registry.Add(CpuWeightPods());
  registry.Add(CpuWeightQos());
  registry.Add(CpuWeightNested());
  registry.Add(CpuWeightFullTree());
  registry.Add(CpuMaxCeiling());
  registry.Add(CpuMaxWithinBudget());
}

}  // namespace nodeproof::conformance
