// Claims about memory: limits and protection.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterMemoryClaims(ClaimRegistry& registry);

Claim MemoryMaxOom();
Claim MemoryMaxGroup();
Claim MemoryHighThrottles();
Claim MemoryHighProgress();
Claim MemoryHighFormula();
Claim MemoryMinAnonHog();
Claim MemoryMaxPageCacheReclaimed();
Claim MemoryMaxPageCacheNeverOom();
Claim MemoryMaxLowering();
Claim MemoryHighPageCache();

}  // namespace nodeproof::conformance
