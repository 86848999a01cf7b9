// A pod that leaks kernel objects: inodes, dentries and open files.
#include "conformance/eviction/eviction_agent.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/scenario/scenario_claims.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/slab_growth.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kNode = MiB(256);
constexpr Bytes kLimit = MiB(24);
constexpr Bytes kNeighbours = MiB(16);
constexpr int64_t kInodes = 30'000;  // 29M and more

// node 256M ─┬─ burstable ── leak    memory.max 24M    inodes in memory, held open
//            └─ besteffort ── beside                   a process that holds 16M
Result<results::Arm> MeasureSlabLeak(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<kubelet::Pod> pods = {
      MakePod("leak", {{.memory_request = "8Mi", .memory_limit = is_protected ? "24Mi" : "128Mi"}}),
      MakePod("beside", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kNode}));
  const cgroup::Cgroup& group = *TRY(tree.Container("leak", "main"));
  const cgroup::Cgroup& neighbour = *TRY(tree.Container("beside", "main"));
  EvictionAgent agent = TRY(EvictionAgent::Create(context, tree, {}, pods, {.memory = kNode}));
  stress::AnonHog beside = TRY(stress::AnonHog::Start(
      {.name = "beside", .group = &neighbour, .target = kNeighbours, .oom_score_adj = 1000}));
  TRY(beside.AwaitFull(context.patience()));
  const Bytes beside_before{TRY(cgroup::ReadNumber(neighbour, "memory.current"))};
  const Bytes available_before = TRY(agent.Available());
  stress::SlabGrowth leak = TRY(stress::SlabGrowth::Start(
      {.group = &group, .kind = stress::SlabGrowthOptions::Kind::kHeldInodes, .count = kInodes}));
  Bytes most{0};
  Bytes working_set{0};
  Bytes unseen{0};  // of the pod's working set, by the node's signal
  TRY(Await(context, "the leak's end", [&]() -> Result<bool> {
    most = std::max(most, Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))});
    const Bytes now = TRY(agent.WorkingSetOf("leak"));
    if (now > working_set) {
      working_set = now;
      unseen = now - (available_before - TRY(agent.Available()));
    }
    return leak.Made() >= kInodes || TRY(Counter(group, "memory.events", "oom_kill")) > 0;
  }));
  results::Arm arm = DescribedArm(tree, is_protected ? "memory.max 24M" : "memory.max 128M");
  arm.checks = {
      CountIs("oom_kill in memory.events", 1, TRY(Counter(group, "memory.events", "oom_kill"))),
      BytesAtMost("memory.current of the leak, most of all looks", kLimit, most,
                  ChargeBatches(context)),
      BytesAtLeast("its working set, most of all looks", kLimit - MiB(2), working_set,
                   ChargeBatches(context)),
      CountIs("oom_kill of the neighbour", 0, TRY(Counter(neighbour, "memory.events", "oom_kill"))),
      BytesAtLeast("memory.current of the neighbour", beside_before,
                   Bytes{TRY(cgroup::ReadNumber(neighbour, "memory.current"))},
                   ChargeBatches(context))};
  arm.notes.push_back(fmt::format(
      "at its largest the working set of the pod was {}, of which memory.available showed {}",
      FormatBytes(working_set), FormatBytes(working_set - unseen)));
  const int64_t needed = is_protected ? (kLimit - MiB(4)).value / 1500 : kInodes;
  arm.load = {
      BytesDone("neighbour", kNeighbours, beside.Touched()),
      {"inodes held", "count", static_cast<double>(needed), static_cast<double>(leak.Made())}};
  return arm;
}

}  // namespace

Claim ScenarioSlabLeak() {
  return {
      .id = "scenario.slab-leak",
      .statement =
          "A pod that leaks inodes and dentries is OOM-killed at its own limit, its working set "
          "shows why, and its neighbour keeps its memory.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.stat\" (slab); cAdvisor",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 256M ─┬─ burstable  ── pod leak     memory.max 24M\n"
                   "           └─ besteffort ── pod beside",
           .load = "A process in leak makes 30000 unnamed files in memory and holds them: 29M and "
                   "more of inodes, dentries and files. A process in beside holds 16M, with the "
                   "worse oom_score_adj.",
           .expected =
               "The leak is OOM-killed at 24M, of which its working set (memory.current - "
               "inactive_file) shows all. The neighbour loses nothing. What the node's signal "
               "memory.available sees of it stands in a note: it counts anon and file only.",
           .tolerance = "2M that may be reclaimable or short of the last look; usage and the "
                        "neighbour's: one batch of 64 pages a CPU.",
           .control = "memory.max 128M: the leak goes on to its end."},
      .measure = MeasureSlabLeak};
}

}  // namespace nodeproof::conformance
