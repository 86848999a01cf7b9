// Claims about cgroups as such: what any container runtime relies on, whatever the controllers.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterCgroupClaims(ClaimRegistry& registry);

Claim CgroupKill();
Claim CgroupFreeze();
Claim CgroupNoInternalProcess();
Claim CgroupMaxDescendants();
Claim CgroupMaxDepth();
Claim CgroupDelegation();
Claim CgroupBornInside();
Claim CgroupZombies();

}  // namespace nodeproof::conformance
