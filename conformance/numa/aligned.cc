// CPUs and memory of one pod come from one NUMA node.
#include <unistd.h>

#include "conformance/cpuset/static_policy.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/numa/numa_steps.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;
using numa::Policy;

constexpr Bytes kAmount = MiB(16);

// A pod with what its plan gave it, and its process.
struct AlignedPod {
  std::string name;
  CpuSet cpus;
  int node = 0;
  PlacedMemory memory;
};

Result<int> NodeOf(const Topology& topology, const CpuSet& cpus) {
  CpuSet nodes;
  for (const CpuPlace& place : topology.cpus) {
    if (cpus.Contains(place.cpu)) nodes.Insert(place.node);
  }
  if (nodes.size() != 1)
    return Fail("CPUs {} are on NUMA nodes {}", cpus.ToString(), nodes.ToString());
  return nodes.First();
}

int64_t SeenOutside(const AlignedPod& pod) {
  return static_cast<int64_t>((pod.memory.SeenOn() - pod.cpus).size());
}

// kubepods ─┬─ pod a (Guaranteed, 1 CPU)                        cpuset of the first node's rest
//           └─ pod b (Guaranteed, a CPU more than is left there) cpuset of another node
Result<results::Arm> MeasureAligned(ArmContext& context) {
  const bool is_protected = context.Protected();
  const Topology& topology = context.topology();
  const NodePair pair = TRY(PairOf(topology));
  const int left = static_cast<int>(pair.first_cpus.size()) - 1;  // after the reserved one
  const std::vector<kubelet::Pod> pods = {ExclusivePod("a", 1),
                                          ExclusivePod("b", std::max(1, left))};
  kubelet::KubeletConfiguration config =
      WithStaticMemory(StaticPolicy(FirstCpu(topology)), topology);
  config.topology_manager_policy = "single-numa-node";
  const kubelet::Plan aligned = TRY(context.PlanHere(config, pods));
  const capsule::Tree tree =
      TRY(context.Plant(is_protected ? aligned : TRY(context.PlanHere({}, pods))));

  std::vector<AlignedPod> running;
  for (const kubelet::Pod& pod : pods) {
    const CpuSet cpus = TRY(ExclusiveCpus(aligned, pod.uid));
    const int node = TRY(NodeOf(topology, cpus));
    // It would rather have the other node's CPUs and memory. Both are asked for inside its group:
    // an affinity that the cpuset does not allow is ignored.
    running.push_back({pod.uid, cpus, node,
                       TRY(PlacedMemory::Start({.name = "pod " + pod.uid,
                                                .group = TRY(tree.Container(pod.uid, "main")),
                                                .amount = kAmount,
                                                .policy = Policy::kPreferred,
                                                .nodes = {pair.Other(node)}}))});
    TRY(running.back().memory.AwaitFull(context.patience()));
  }
  results::Arm arm = DescribedArm(
      tree, is_protected ? "single-numa-node, static CPU and Memory Managers" : "no managers");
  CpuSet nodes;
  int64_t outside = 0;
  int64_t seen_outside = 0;
  int64_t planned_apart = 0;
  for (AlignedPod& pod : running) {
    const numa::ByNode pages = TRY(pod.memory.Pages());
    outside += Outside(pages, pod.node);
    seen_outside += SeenOutside(pod);
    nodes.Insert(pod.node);
    const auto planned = PlannedNode(aligned, pod.name);
    planned_apart += TRY(planned) == pod.node ? 0 : 1;
    arm.load.push_back(Touched(pod.memory, kAmount));
    arm.notes.push_back(fmt::format("pod {}: planned CPUs {} of node {}, ran on {}, pages {}",
                                    pod.name, pod.cpus.ToString(), pod.node,
                                    pod.memory.SeenOn().ToString(), numa::ToString(pages)));
  }
  arm.checks = {
      CountIs("pages on another node than their pod's CPUs", 0, outside),
      CountIs("pods whose planned cpuset.mems is not the node of their CPUs", 0, planned_apart)};
  // Without cpusets nobody has CPUs of its own.
  if (is_protected) {
    arm.checks.push_back(CountIs("CPUs outside a pod's own that it was seen on", 0, seen_outside));
  }
  arm.notes.push_back(fmt::format("the pods are on nodes {}", nodes.ToString()));
  return arm;
}

}  // namespace

Claim NumaAligned() {
  Needs needs = NumaNeeds(MiB(512));
  needs.cpus = 4;
  needs.cpus_per_numa_node = 2;
  return {
      .id = "numa.aligned",
      .statement =
          "Under single-numa-node a Guaranteed pod's CPUs and memory come from one NUMA node.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/topologymanager, policy_single_numa_node.go; "
          "test/e2e_node/topology_manager_test.go",
      .needs = std::move(needs),
      .explanation =
          {.tree = "kubepods ─┬─ pod a (Guaranteed)   cpuset.cpus and cpuset.mems of one node\n"
                   "          └─ pod b (Guaranteed)   the same\n"
                   "Static CPU Manager (the first CPU reserved) and Memory Manager, "
                   "topologyManagerPolicy single-numa-node.",
           .load =
               "In each pod a process touches 16M that it prefers on another node than that of its "
               "CPUs.",
           .expected = "All its pages are on the node of the pod's exclusive CPUs, and it runs on "
                       "these.",
           .tolerance = "None: pages and CPUs are counted.",
           .control = "All managers none: the pages are where the process prefers them."},
      .measure = MeasureAligned};
}

}  // namespace nodeproof::conformance
