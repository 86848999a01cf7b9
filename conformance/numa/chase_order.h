// Pointer chases from one node's CPUs through memory of several NUMA nodes, held against what the
// kernel's tables say of them.
#pragma once

#include <optional>
#include <vector>

#include "conformance/numa/numa_steps.h"

namespace nodeproof::conformance {

// SLIT counts in tenths of a local load, 10 being local itself (ACPI 6.5, 5.2.17).
inline constexpr double kSlitStep = 0.1;

// One node's memory, as CPUs of `from` are told of it.
struct Memory {
  int node = 0;
  int distance = 10;
  std::optional<int64_t> read_ns = std::nullopt;  // HMAT
};

// A node with CPUs, and all memory in the order of its distances: its own is the first.
struct Origin {
  int node = 0;
  CpuSet cpu;
  std::vector<Memory> memories;
};

// `place` is that of `from` in the topology's nodes. At most as many memories as a Chaser takes:
// the own one and the farthest.
Result<Origin> OriginAt(const Topology& topology, const NumaNode& from, size_t place);

// Adds the checks of one origin: its last memory against its own, by a step of SLIT at least, which
// decides; and that no memory is faster than one that the tables put before it. In the control arm
// every chase goes through the origin's own memory.
Status MeasureOrigin(ArmContext& context, const cgroup::Cgroup& group, const Origin& origin,
                     results::Arm& arm);

}  // namespace nodeproof::conformance
