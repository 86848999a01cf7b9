// Steps that claims about NUMA share.
#pragma once

#include <string_view>

#include "conformance/arm_context.h"
#include "conformance/memory/steps.h"
#include "harness/numa/placed_memory.h"

namespace nodeproof::conformance {

inline const std::vector<std::string> kNumaControllers = {"cpu", "cpuset", "memory", "pids"};

// A node with two NUMA nodes that have CPUs, and `memory` for the capsule.
Needs NumaNeeds(Bytes memory);

// The first two NUMA nodes that have CPUs and memory, with CPUs of each.
struct NodePair {
  int first = 0;
  int second = 0;
  CpuSet first_cpus;
  CpuSet second_cpus;

  int Other(int node) const { return node == first ? second : first; }
  const CpuSet& CpusOf(int node) const { return node == first ? first_cpus : second_cpus; }
};
Result<NodePair> PairOf(const Topology& topology);

// memoryManagerPolicy Static with 128Mi of each NUMA node kept from pods. `config` may have other
// managers set up.
kubelet::KubeletConfiguration WithStaticMemory(kubelet::KubeletConfiguration config,
                                               const Topology& topology);
// A Guaranteed pod: what the Memory Manager binds.
kubelet::Pod BoundPod(std::string_view name, std::string_view memory);
// The one NUMA node that cpuset.mems of the pod's container has in the plan.
Result<int> PlannedNode(const kubelet::Plan& plan, std::string_view pod);

// MemFree of a NUMA node.
Result<Bytes> FreeOn(int node);

// Pages that are on another node than `node`.
int64_t Outside(const numa::ByNode& counts, int node);
// The proof that the memory was touched.
results::LoadProof Touched(numa::PlacedMemory& memory, Bytes amount);

}  // namespace nodeproof::conformance
