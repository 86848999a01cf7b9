#include "conformance/numa/numa_steps.h"

#include <functional>

#include "conformance/pods.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kReserved = MiB(128);  // of each NUMA node

}  // namespace

Needs NumaNeeds(Bytes memory) {
  return {.controllers = kNumaControllers, .cpus = 2, .numa_nodes = 2, .memory = memory};
}

Result<NodePair> PairOf(const Topology& topology) {
  std::vector<const NumaNode*> usable;
  const CpuSet online = topology.Online();
  for (const NumaNode& node : topology.nodes) {
    if (node.memory.value > 0 && !(node.cpus & online).empty()) usable.push_back(&node);
  }
  if (usable.size() < 2) {
    return Unsupported("it needs two NUMA nodes with CPUs and memory, the node has {}",
                       usable.size());
  }
  return NodePair{usable[0]->id, usable[1]->id, usable[0]->cpus & online, usable[1]->cpus & online};
}

kubelet::KubeletConfiguration WithStaticMemory(kubelet::KubeletConfiguration config,
                                               const Topology& topology) {
  config.memory_manager_policy = "Static";
  // What the managers reserve must add up to what Node Allocatable does.
  config.eviction_hard = {{"memory.available", "0%"}};
  int64_t sum = 0;
  for (const NumaNode& node : topology.nodes) {
    if (node.memory.value == 0) continue;
    config.reserved_memory.push_back(
        {node.id, {{"memory", kubelet::Quantity::FromBytes(kReserved.value)}}});
    sum += kReserved.value;
  }
  config.kube_reserved["memory"] = kubelet::Quantity::FromBytes(sum);
  return config;
}

kubelet::Pod BoundPod(std::string_view name, std::string_view memory) {
  return MakePod(name, {{.cpu_request = "500m",
                         .cpu_limit = "500m",
                         .memory_request = memory,
                         .memory_limit = memory}});
}

Result<int> PlannedNode(const kubelet::Plan& plan, std::string_view pod) {
  const std::string path = TRY(PathOfContainer(plan, pod));
  const kubelet::PlannedKnob* knob = nullptr;
  const std::function<void(const kubelet::PlannedCgroup&)> look =
      [&](const kubelet::PlannedCgroup& group) {
        if (group.path == path) knob = group.Knob("cpuset.mems");
        for (const kubelet::PlannedCgroup& child : group.children) look(child);
      };
  look(plan.root);
  if (knob == nullptr) return Fail("the plan has no cpuset.mems for pod {}", pod);
  const CpuSet nodes = TRY(CpuSet::Parse(knob->value));
  if (nodes.size() != 1) {
    return Unsupported("on this node the Memory Manager gives pod {} the NUMA nodes {}, not one",
                       pod, knob->value);
  }
  return nodes.First();
}

// "Node 0 MemFree:   913244 kB"
Result<Bytes> FreeOn(int node) {
  const std::string path = fmt::format("/sys/devices/system/node/node{}/meminfo", node);
  const std::string text = TRY(ReadFile(path));
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.size() >= 4 && words[2] == "MemFree:") return KiB(TRY(ParseInt(words[3])));
  }
  return Fail("{} has no MemFree", path);
}

int64_t Outside(const numa::ByNode& counts, int node) {
  return numa::Sum(counts) - numa::At(counts, node);
}

results::LoadProof Touched(numa::PlacedMemory& memory, Bytes amount) {
  return BytesDone(memory.name(), amount, memory.Touched());
}

}  // namespace nodeproof::conformance
