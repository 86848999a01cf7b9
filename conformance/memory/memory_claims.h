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
Claim MemoryHighAutosize();
Claim MemoryMinAnonHog();
Claim MemoryMaxPageCacheReclaimed();
Claim MemoryMaxPageCacheNeverOom();
Claim MemoryMaxLowering();
Claim MemoryHighPageCache();
Claim MemoryMinPageCacheFlood();
Claim MemoryMinMachine();
Claim MemoryMinTree();
Claim MemoryMinRandomTrees();
Claim MemoryMinNotHandedOn();
Claim MemoryLowRandomTrees();
Claim MemoryMinParentZero();
Claim MemoryLowBestEffort();
Claim MemoryLowBelowMin();
Claim MemoryStatIdentity();
Claim MemorySlabCharged();
Claim MemorySlabProtected();
Claim MemorySlabZombies();
Claim MemoryReclaimKnob();
Claim MemoryPeak();
Claim MemoryEvents();
Claim MemoryPressureRises();
Claim MemoryWorkingSet();
Claim MemoryWritebackAttribution();
Claim MemoryMinGuaranteedPageCache();
Claim MemorySwapLimited();

}  // namespace nodeproof::conformance
