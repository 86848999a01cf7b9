// Claims about where threads run: cpuset.cpus and exclusive CPUs.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterCpusetClaims(ClaimRegistry& registry);

Claim CpusetPinned();

}  // namespace nodeproof::conformance
