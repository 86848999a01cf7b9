// Claims about where threads run: cpuset.cpus and exclusive CPUs.
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterCpusetClaims(ClaimRegistry& registry);

// pinned.cc
Claim CpusetPinned();
Claim CpusetNoEscape();
Claim CpusetChildCannotWiden();
// exclusive.cc
Claim CpusetExclusiveDisjoint();
Claim CpusetReserved();
// shared_pool.cc
Claim CpusetSharedPool();
Claim CpusetReturned();
// alignment.cc
Claim CpusetFullCores();
Claim CpusetSingleNuma();
Claim CpusetDistributeNuma();
Claim CpusetUncore();
// partition.cc
Claim CpusetPartition();
// quiet.cc
Claim CpusetExclusiveQuiet();

}  // namespace nodeproof::conformance
