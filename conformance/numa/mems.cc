// cpuset.mems: where a container's memory is, and where it goes when that changes.
#include <unistd.h>

#include "conformance/numa/numa_claims.h"
#include "conformance/numa/numa_steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/knobs.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;
using numa::Policy;

constexpr Bytes kAmount = MiB(24);

int64_t PagesOf(Bytes bytes) { return bytes.value / ::sysconf(_SC_PAGESIZE); }

// memory.numa_stat is brought up to date every 2 s at the latest.
Result<numa::ByNode> AnonOf(const ArmContext& context, const cgroup::Cgroup& group, Bytes least) {
  const Nanoseconds deadline = context.clock().Now() + std::chrono::seconds(5);
  numa::ByNode stat;
  TRY(Await(context, "memory.numa_stat up to date", [&]() -> Result<bool> {
    stat = TRY(numa::ReadNumaStat(group, "anon"));
    return numa::Sum(stat) >= least.value || context.clock().Now() > deadline;
  }));
  return stat;
}

// kubepods ── pod (Guaranteed) ── main   cpuset.mems N, from the Memory Manager
//   one process on a CPU of another node, one that asks for another node's memory
Result<results::Arm> MeasureBinding(ArmContext& context) {
  const bool is_protected = context.Protected();
  const NodePair pair = TRY(PairOf(context.topology()));
  const std::vector<kubelet::Pod> pods = {BoundPod("pod", "256Mi")};
  const kubelet::Plan bound = TRY(context.PlanHere(WithStaticMemory({}, context.topology()), pods));
  const int node = TRY(PlannedNode(bound, "pod"));
  const int other = pair.Other(node);
  const capsule::Tree tree =
      TRY(context.Plant(is_protected ? bound : TRY(context.PlanHere({}, pods))));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  PlacedMemory distant = TRY(PlacedMemory::Start({.name = "on another node's CPU",
                                                  .group = &group,
                                                  .affinity = pair.CpusOf(other),
                                                  .amount = kAmount}));
  TRY(distant.AwaitFull(context.patience()));
  PlacedMemory fugitive = TRY(PlacedMemory::Start({.name = "bound to another node",
                                                   .group = &group,
                                                   .affinity = pair.CpusOf(node),
                                                   .amount = kAmount,
                                                   .policy = Policy::kBind,
                                                   .nodes = {other}}));
  TRY(fugitive.AwaitFull(context.patience()));

  const numa::ByNode pages = TRY(distant.Pages());
  const numa::ByNode maps = TRY(distant.Maps());
  const numa::ByNode fled = TRY(fugitive.Pages());
  const numa::ByNode stat = TRY(AnonOf(context, group, kAmount * 2));
  results::Arm arm =
      DescribedArm(tree, is_protected ? fmt::format("cpuset.mems {}", node) : "no cpuset.mems");
  const std::string name = fmt::format("outside node {}", node);
  arm.checks = {
      CountIs("pages " + name, 0, Outside(pages, node)),
      CountIs("pages on it", PagesOf(kAmount), numa::At(pages, node)),
      CountIs("the same " + name + " by numa_maps", 0, Outside(maps, node)),
      CountIs("pages " + name + " of who asked for another node", 0, Outside(fled, node)),
      CountIs("requests for another node that were refused", 1, fugitive.PolicyRefused() != 0),
      BytesAtMost("anon " + name + " by memory.numa_stat", Bytes{0}, Bytes{Outside(stat, node)}),
      BytesAtLeast("anon on it by memory.numa_stat", kAmount * 2, Bytes{numa::At(stat, node)},
                   ChargeBatches(context))};
  arm.load = {Touched(distant, kAmount), Touched(fugitive, kAmount)};
  return arm;
}

// kubepods ── pod (Guaranteed) ── main   cpuset.mems N, then the other node
Result<results::Arm> MeasureMigrate(ArmContext& context) {
  const bool is_protected = context.Protected();
  const NodePair pair = TRY(PairOf(context.topology()));
  const kubelet::Plan plan =
      TRY(context.PlanHere(WithStaticMemory({}, context.topology()), {BoundPod("pod", "256Mi")}));
  const int node = TRY(PlannedNode(plan, "pod"));
  const int other = pair.Other(node);
  const capsule::Tree tree = TRY(context.Plant(plan));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  PlacedMemory memory = TRY(PlacedMemory::Start({.name = "placed memory",
                                                 .group = &group,
                                                 .affinity = pair.CpusOf(node),
                                                 .amount = kAmount}));
  TRY(memory.AwaitFull(context.patience()));
  const numa::ByNode before = TRY(memory.Pages());

  // The kernel moves the pages before the write returns (cpuset_write_resmask() waits for them).
  const int target = is_protected ? other : node;
  TRY(cgroup::SetKnob(group, "cpuset.mems", fmt::format("{}", target)));
  const numa::ByNode after = TRY(memory.Pages());
  const int64_t spoiled = TRY(memory.CountSpoiled(context.patience()));
  // What comes now comes from the new node too.
  PlacedMemory late = TRY(PlacedMemory::Start(
      {.name = "late memory", .group = &group, .affinity = pair.CpusOf(node), .amount = MiB(4)}));
  TRY(late.AwaitFull(context.patience()));
  const numa::ByNode fresh = TRY(late.Pages());

  results::Arm arm = DescribedArm(tree, fmt::format("cpuset.mems {}, then {}", node, target));
  arm.checks = {CountIs("pages outside the new node", 0, Outside(after, other)),
                CountIs("pages on it", PagesOf(kAmount), numa::At(after, other)),
                CountIs("pages whose content changed", 0, spoiled),
                CountIs("new pages outside it", 0, Outside(fresh, other))};
  arm.notes.push_back(fmt::format("before: {}", numa::ToString(before)));
  arm.load = {Touched(memory, kAmount),
              {"pages on the first node before", "pages", static_cast<double>(PagesOf(kAmount)),
               static_cast<double>(numa::At(before, node))}};
  return arm;
}

// kubepods ── besteffort ── pod ── main     cpuset.mems of one level alone, in turn
Result<results::Arm> MeasureLevels(ArmContext& context) {
  constexpr Bytes kEach = MiB(4);
  const NodePair pair = TRY(PairOf(context.topology()));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod", "besteffort"));
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? fmt::format("cpuset.mems {} at each level in turn", pair.second)
                                : "no cpuset.mems");
  for (const auto& [name, level] : levels) {
    if (context.Protected()) {
      TRY(cgroup::SetKnob(*level, "cpuset.mems", fmt::format("{}", pair.second)));
    }
    {
      // Its CPUs are on the other node, and it asks for that node besides.
      PlacedMemory memory = TRY(PlacedMemory::Start({.name = "below " + name,
                                                     .group = &main,
                                                     .affinity = pair.first_cpus,
                                                     .amount = kEach,
                                                     .policy = Policy::kPreferred,
                                                     .nodes = {pair.first}}));
      TRY(memory.AwaitFull(context.patience()));
      arm.checks.push_back(CountIs("pages outside cpuset.mems of " + name, 0,
                                   Outside(TRY(memory.Pages()), pair.second)));
      arm.load.push_back(Touched(memory, kEach));
    }
    // Not while a process is there (ENOSPC, validate_change()).
    TRY(level->Write("cpuset.mems", "\n"));
  }
  return arm;
}

}  // namespace

Claim NumaMemsLevels() {
  return {
      .id = "numa.mems-levels",
      .statement =
          "cpuset.mems binds the memory of all processes below a group, whatever level it is "
          "written on.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.mems\", \"cpuset.mems.effective\"; "
          "kernel/cgroup/cpuset.c, update_nodemasks_hier()",
      .needs = NumaNeeds(MiB(128)),
      .explanation =
          {.tree = "kubepods ── besteffort ── pod ── main",
           .load = "cpuset.mems of main, the pod, besteffort and kubepods alone, in turn, is the "
                   "second NUMA node. Each time a process in main on the first node's CPUs touches "
                   "4M that it prefers on the first node.",
           .expected = "All its pages are on the second node.",
           .tolerance = "None: pages are counted, by move_pages(2).",
           .control = "No cpuset.mems: they are on the first."},
      .measure = MeasureLevels};
}

Claim NumaMemsBinding() {
  return {
      .id = "numa.mems-binding",
      .statement =
          "All memory of a container with cpuset.mems comes from these NUMA nodes, whatever "
          "CPU asks for it and whatever policy it asks for.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.mems\"; Kubernetes 1.36 "
          "pkg/kubelet/cm/memorymanager",
      .needs = NumaNeeds(MiB(256)),
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed) ── main   cpuset.mems N\n"
                   "N is what the Memory Manager's Static policy gives on this node.",
           .load =
               "Two processes touch 24M each: one on the CPUs of another node, so that its memory "
               "would come from there; one that asks mbind(2) for another node.",
           .expected = "Every page is on N, as move_pages(2), numa_maps and memory.numa_stat each "
                       "say; mbind(2) for another node is refused.",
           .tolerance =
               "None: pages are counted. memory.numa_stat may lack a charge batch of 64 pages "
               "a CPU.",
           .control =
               "memoryManagerPolicy None, so no cpuset.mems: pages come from the CPU's node and "
               "from where they are asked for."},
      .measure = MeasureBinding};
}

Claim NumaMemsMigrate() {
  return {
      .id = "numa.mems-migrate",
      .statement =
          "When cpuset.mems of a running container changes, its pages move to the new node.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.mems\"; kernel/cgroup/cpuset.c, "
          "update_tasks_nodemask()",
      .needs = NumaNeeds(MiB(256)),
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed) ── main   cpuset.mems N, then another node",
           .load = "A process touches 24M, then cpuset.mems is written; then another touches 4M.",
           .expected =
               "When the write has returned no page is left on N, all are on the new node and "
               "hold what they held; new pages come from there.",
           .tolerance = "None: pages are counted. No page of this process is pinned or shared.",
           .control = "cpuset.mems is written with the same node again."},
      .measure = MeasureMigrate};
}

}  // namespace nodeproof::conformance
