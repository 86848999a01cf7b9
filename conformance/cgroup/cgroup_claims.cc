#include "conformance/cgroup/cgroup_claims.h"

namespace nodeproof::conformance {

void RegisterCgroupClaims(ClaimRegistry& registry) {
  registry.Add(CgroupKill());
  registry.Add(CgroupFreeze());
  registry.Add(CgroupNoInternalProcess());
  registry.Add(CgroupMaxDescendants());
  registry.Add(CgroupMaxDepth());
  registry.Add(CgroupDelegation());
  registry.Add(CgroupBornInside());
  registry.Add(CgroupZombies());
}

}  // namespace nodeproof::conformance
