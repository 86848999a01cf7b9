#include "bench/interference/node_trees.h"

#include "harness/capsule/node_here.h"
#include "harness/kubelet/admit/uniform_node.h"
#include "harness/kubelet/node_plan/node_plan.h"

namespace nodeproof::bench {
namespace {

using kubelet::PlannedCgroup;

// The CPUs that may be used, on one NUMA node with the miniature's memory.
kubelet::NodeSpec NodeOf(const Topology& topology) {
  kubelet::NodeSpec node = capsule::NodeSpecOf(topology, kNodeMemory);
  for (kubelet::NodeCpu& cpu : node.cpus) cpu.numa_node = 0;
  node.memory_bytes = kNodeMemory.value;
  node.numa_nodes = {{0, kNodeMemory.value, {}, {10}}};
  return node;
}

PlannedCgroup BareContainer(const char* name) {
  PlannedCgroup group;
  group.name = name;
  group.path = fmt::format("/{}", name);
  group.role = kubelet::CgroupRole::kContainer;
  group.pod_uid = name;
  group.container.emplace();
  group.container->name = "main";
  return group;
}

}  // namespace

Result<kubelet::Plan> ProtectedPlan(const Topology& topology) {
  kubelet::KubeletConfiguration config = admit::StaticCpus();
  TRY(config.feature_gates.Set(kubelet::kMemoryQoS, true));
  config.memory_reservation_policy = kubelet::MemoryReservationPolicy::kTieredReservation;
  config.eviction_hard = {{"memory.available", "0%"}};
  config.pod_pids_limit = 256;
  const kubelet::Pod victim = admit::PodWith(kVictim, {admit::ContainerWith("main", "1", "128Mi")});
  const kubelet::Pod aggressor = admit::PodWith(kAggressor, {admit::ContainerWith("main", "", "")});
  kubelet::Plan plan = TRY(kubelet::PlanNode(NodeOf(topology), config, {victim, aggressor}));
  for (const kubelet::PlannedPod& pod : plan.pods) {
    if (!pod.admitted) return Fail("pod {} was refused: {}", pod.name, pod.message);
  }
  return plan;
}

kubelet::Plan UnprotectedPlan() {
  kubelet::Plan plan;
  plan.root.path = "/";
  plan.root.children = {BareContainer(kVictim)};
  return plan;
}

}  // namespace nodeproof::bench
