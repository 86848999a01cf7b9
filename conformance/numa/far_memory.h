// Far memory: NUMA nodes without CPUs that form a slower tier.
#pragma once

#include <string>

#include "conformance/numa/numa_steps.h"

namespace nodeproof::conformance {

// A far node and a near one whose memory is demoted to it.
struct FarMemory {
  int near = 0;  // the node whose CPUs the claims use
  int far = 0;   // has memory and no CPUs, in a slower tier
  CpuSet near_cpus;
  std::string tiers;  // as the kernel orders them
};
// Which far memory: any, or that of CXL devices.
enum class FarKind { kAny, kCxl };
// The first of its kind, from the first node with CPUs. `unsupported` where no such node is in a
// slower tier than nodes with CPUs: it quotes the kernel's order (before 6.7 memory that ACPI's
// HMAT describes was of the same tier as all other; a device's memory is slower since 6.1).
Result<FarMemory> FindFarMemory(const Topology& topology, FarKind kind);

// A node of its own with far memory: such claims turn demotion and NUMA balancing on and off.
Needs FarNeeds(FarKind kind);
inline constexpr const char* kDemotion = "/sys/kernel/mm/numa/demotion_enabled";
inline constexpr const char* kBalancing = "/proc/sys/kernel/numa_balancing";

// Pages that the kernel has demoted since boot, all its ways of reclaim together. `unsupported`
// where it does not count them.
Result<int64_t> DemotedPages();
Bytes BytesOf(int64_t pages);

}  // namespace nodeproof::conformance
