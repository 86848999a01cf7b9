// Claims about memory: limits and protection.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterMemoryClaims(ClaimRegistry& registry);

Claim MemoryMaxOom();
Claim MemoryMinAnonHog();

}  // namespace nodeproof::conformance
