#include "conformance/cpuset/cpuset_claims.h"

namespace nodeproof::conformance {

void RegisterCpusetClaims(ClaimRegistry& registry) {
  registry.Add(CpusetPinned());
  registry.Add(CpusetNoEscape());
  registry.Add(CpusetChildCannotWiden());
  registry.Add(CpusetReserved());
  registry.Add(CpusetExclusiveQuiet());
  registry.Add(CpusetExclusiveDisjoint());
  registry.Add(CpusetSharedPool());
  registry.Add(CpusetReturned());
  registry.Add(CpusetPartition());
  registry.Add(CpusetFullCores());
  registry.Add(CpusetSingleNuma());
  registry.Add(CpusetDistributeNuma());
  registry.Add(CpusetUncore());
}

}  // namespace nodeproof::conformance
