#include "conformance/all_claims.h"

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/eviction/eviction_claims.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/scenario/scenario_claims.h"

namespace nodeproof::conformance {

void RegisterAllClaims(ClaimRegistry& registry) {
  RegisterCpuClaims(registry);
  RegisterCpusetClaims(registry);
  RegisterMemoryClaims(registry);
  RegisterOomClaims(registry);
  RegisterEvictionClaims(registry);
  RegisterScenarioClaims(registry);
}

}  // namespace nodeproof::conformance
