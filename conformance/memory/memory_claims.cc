#include "conformance/memory/memory_claims.h"

namespace nodeproof::conformance {

void RegisterMemoryClaims(ClaimRegistry& registry) {
  registry.Add(MemoryMaxOom());
  registry.Add(MemoryMaxGroup());
  registry.Add(MemoryHighThrottles());
  registry.Add(MemoryHighProgress());
  registry.Add(MemoryHighFormula());
  registry.Add(MemoryHighAutosize());
  registry.Add(MemoryMinAnonHog());
  registry.Add(MemoryMaxPageCacheReclaimed());
  registry.Add(MemoryMaxPageCacheNeverOom());
  registry.Add(MemoryMaxLowering());
  registry.Add(MemoryHighPageCache());
  registry.Add(MemoryMinPageCacheFlood());
  registry.Add(MemoryMinMachine());
  registry.Add(MemoryMinTree());
  registry.Add(MemoryMinRandomTrees());
  registry.Add(MemoryMinNotHandedOn());
  registry.Add(MemoryLowRandomTrees());
  registry.Add(MemoryMinParentZero());
  registry.Add(MemoryLowBestEffort());
  registry.Add(MemoryLowBelowMin());
  registry.Add(MemoryStatIdentity());
  registry.Add(MemorySlabCharged());
  registry.Add(MemorySlabProtected());
  registry.Add(MemorySlabZombies());
  registry.Add(MemoryReclaimKnob());
  registry.Add(MemoryPeak());
  registry.Add(MemoryEvents());
  registry.Add(MemoryPressureRises());
  registry.Add(MemoryWorkingSet());
  registry.Add(MemoryWritebackAttribution());
  registry.Add(MemoryMinGuaranteedPageCache());
  registry.Add(MemorySwapLimited());
}

}  // namespace nodeproof::conformance
