#include "conformance/cpuset/cpuset_claims.h"

namespace nodeproof::conformance {

void RegisterCpusetClaims(ClaimRegistry& registry) { registry.Add(CpusetPinned()); }

}  // namespace nodeproof::conformance
