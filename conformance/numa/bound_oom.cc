// A NUMA node runs out: who is bound to another one lives.
#include <optional>

#include "conformance/numa/kernel_setting.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/numa/numa_steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;

constexpr Bytes kNeighbours = MiB(64);

// What is left of the node for the hog, once the rest is put aside.
constexpr Bytes kLeft = MiB(224);
constexpr Bytes kHugePage = MiB(2);

// Most of the node's free memory goes into its pool of huge pages, which nobody uses: the kernel
// need not clear it, and cannot take it back. Without a pool the hog has to touch it all.
Result<std::optional<KernelSetting>> PutAside(int node, Bytes free) {
  const std::string path =
      fmt::format("/sys/devices/system/node/node{}/hugepages/hugepages-{}kB/nr_hugepages", node,
                  kHugePage.value >> 10);
  auto before = ReadFile(path);
  if (!before || free < kLeft + kHugePage) return std::nullopt;
  const int64_t pages = TRY(ParseInt(Trim(*before))) + (free - kLeft).value / kHugePage.value;
  return TRY(KernelSetting::Set(path, fmt::format("{}", pages), "huge pages"));
}

// kubepods ─┬─ pod greedy      cpuset.mems N        wants more than node N has, adj 0
//           └─ pod neighbour   cpuset.mems other    holds 64M, adj 1000: the best victim
Result<results::Arm> MeasureBoundOom(ArmContext& context) {
  const bool is_protected = context.Protected();
  const NodePair pair = TRY(PairOf(context.topology()));
  kubelet::KubeletConfiguration config = WithStaticMemory({}, context.topology());
  config.single_process_oom_kill = true;  // one kill, one process
  kubelet::Plan plan =
      TRY(context.PlanHere(config, {BoundPod("greedy", "256Mi"), BoundPod("neighbour", "256Mi")}));
  const int node = TRY(PlannedNode(plan, "greedy"));
  // The node is to run out, not a limit of the pod's or of all pods.
  TRY(SetOnPod(plan, "greedy", "memory.max", "max"));
  TRY(SetOnNodeSlice(plan, "memory.max", "max"));
  TRY(Override(plan, TRY(PathOfContainer(plan, "neighbour")), "cpuset.mems",
               fmt::format("{}", is_protected ? pair.Other(node) : node), "set by the claim"));
  const Bytes free = TRY(FreeOn(node));
  const Bytes wanted = free * 2;  // more than the node can have, page cache given up or not
  const std::optional<KernelSetting> aside = TRY(PutAside(node, free));
  const capsule::Tree tree = TRY(context.Plant(plan, {.memory = free * 4}));
  const cgroup::Cgroup& greedy = *TRY(tree.Container("greedy", "main"));
  const cgroup::Cgroup& beside = *TRY(tree.Container("neighbour", "main"));
  PlacedMemory neighbour = TRY(PlacedMemory::Start(
      {.name = "neighbour", .group = &beside, .amount = kNeighbours, .oom_score_adj = 1000}));
  TRY(neighbour.AwaitFull(context.patience()));
  PlacedMemory hog = TRY(
      PlacedMemory::Start({.name = "hog", .group = &greedy, .amount = wanted, .oom_score_adj = 0}));
  const auto kills = [](const cgroup::Cgroup& of) {
    return Counter(of, "memory.events", "oom_kill");
  };
  TRY(Await(context, "an OOM kill", [&]() -> Result<bool> {
    return hog.Touched() >= wanted || TRY(kills(greedy)) + TRY(kills(beside)) > 0;
  }));
  const Bytes touched = hog.Touched();
  const bool hog_killed =
      TRY(kills(greedy)) > 0 && TRY(DiedOfKill(hog.process(), context.patience()));
  // In the control arm it goes on, and would take the node's last pages.
  hog.process().Kill();

  results::Arm arm = DescribedArm(
      tree, is_protected ? "the neighbour is bound to another node" : "both are bound to one node");
  arm.checks = {
      CountIs("oom_kill in memory.events of the neighbour", 0, TRY(kills(beside))),
      CountIs("the same of the hog's container", 1, TRY(kills(greedy))),
      CountIs("hogs that ended by SIGKILL", 1, hog_killed),
      CountIs("processes of the neighbour that live", 1, TRY(neighbour.Running())),
      CountIs("pages of the neighbour that changed", 0,
              TRY(neighbour.Running()) ? TRY(neighbour.CountSpoiled(context.patience())) : -1)};
  arm.load = {Touched(neighbour, kNeighbours), BytesDone("hog", MiB(32), touched)};
  return arm;
}

}  // namespace

Claim NumaBoundOomStays() {
  Needs needs = NumaNeeds(MiB(512));
  needs.whole_node = true;
  needs.why_whole_node = "it uses up a NUMA node";
  return {
      .id = "numa.bound-oom-stays",
      .statement =
          "When the NUMA node that a pod is bound to runs out, the kernel kills in that pod, "
          "however good a victim a pod on another node is.",
      .source = "mm/oom_kill.c, constrained_alloc() and oom_cpuset_eligible(); KEP-1769",
      .needs = std::move(needs),
      .explanation =
          {.tree = "kubepods ─┬─ pod greedy      cpuset.mems N, no memory.max\n"
                   "          └─ pod neighbour   cpuset.mems of another node",
           .load =
               "A process in neighbour holds 64M with oom_score_adj 1000. A hog in greedy, with 0, "
               "touches as much as node N has.",
           .expected = "The hog is killed; neighbour lives, counts no kill and keeps its pages.",
           .tolerance = "Kills are counted: none.",
           .control = "The neighbour is bound to N too: it is killed."},
      .measure = MeasureBoundOom};
}

}  // namespace nodeproof::conformance
