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
constexpr int64_t kFirst = 12'000;   // inodes, within the limit: 12 to 18M
constexpr int64_t kSecond = 30'000;  // and these beyond it

Result<stress::SlabGrowth> Leak(const cgroup::Cgroup& group, int64_t count) {
  return stress::SlabGrowth::Start({.name = "leak",
                                    .group = &group,
                                    .kind = stress::SlabGrowthOptions::Kind::kHeldInodes,
                                    .count = count});
}

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
  if (!group.Has("memory.peak")) return Unsupported("the kernel has no memory.peak (5.19)");
  EvictionAgent agent = TRY(EvictionAgent::Create(context, tree, {}, pods, {.memory = kNode}));
  stress::AnonHog beside = TRY(stress::AnonHog::Start(
      {.name = "beside", .group = &neighbour, .target = kNeighbours, .oom_score_adj = 1000}));
  TRY(beside.AwaitFull(context.patience()));
  const Bytes beside_before{TRY(cgroup::ReadNumber(neighbour, "memory.current"))};
  const Bytes available = TRY(agent.Available());
  stress::SlabGrowth first = TRY(Leak(group, kFirst));
  TRY(first.AwaitDone(context.patience()));
  const Bytes working_set = TRY(agent.WorkingSetOf("leak"));
  const Bytes seen = available - TRY(agent.Available());

  stress::SlabGrowth second = TRY(Leak(group, kSecond));
  TRY(Await(context, "the leak's end", [&]() -> Result<bool> {
    return second.Made() >= kSecond || TRY(Counter(group, "memory.events", "oom_kill")) > 0;
  }));
  // The kernel counts the kill of the group after that of the first process (oom_kill_process()).
  const Nanoseconds deadline = context.clock().Now() + std::chrono::seconds(5);
  TRY(Await(context, "the group's end", [&]() -> Result<bool> {
    return TRY(Counter(group, "memory.events", "oom_kill")) == 0 ||
           TRY(Counter(group, "memory.events", "oom_group_kill")) > 0 ||
           context.clock().Now() > deadline;
  }));
  results::Arm arm = DescribedArm(tree, is_protected ? "memory.max 24M" : "memory.max 128M");
  arm.checks = {
      CountIs("oom_group_kill in memory.events", 1,
              TRY(Counter(group, "memory.events", "oom_group_kill"))),
      BytesAtMost("memory.peak of the leak", kLimit,
                  Bytes{TRY(cgroup::ReadNumber(group, "memory.peak"))}, ChargeBatches(context)),
      BytesAtLeast("its working set with 12000 inodes", Bytes{kFirst * stress::kBytesPerHeldInode},
                   working_set),
      BytesAtMost("what memory.available shows of them", MiB(1), seen, StatLag(context)),
      CountIs("oom_kill of the neighbour", 0, TRY(Counter(neighbour, "memory.events", "oom_kill"))),
      BytesAtLeast("memory.current of the neighbour", beside_before,
                   Bytes{TRY(cgroup::ReadNumber(neighbour, "memory.current"))},
                   ChargeBatches(context))};
  const int64_t made = first.Made() + second.Made();
  const int64_t needed = is_protected ? (kLimit - MiB(4)).value / 1500 : kFirst + kSecond;
  arm.load = {BytesDone("neighbour", kNeighbours, beside.Touched()),
              {"inodes held", "count", static_cast<double>(needed), static_cast<double>(made)}};
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
           .load = "A process in leak makes 12000 unnamed files in memory and holds them, another "
                   "30000: 42M and more of inodes, dentries and files. A process in beside holds "
                   "16M, with the worse oom_score_adj.",
           .expected =
               "The working set of the pod (memory.current - inactive_file) shows the first 12000, "
               "992 bytes each and more; the node's memory.available does not, because it counts "
               "anon and file only. The container is OOM-killed whole at 24M. The neighbour loses "
               "nothing.",
           .tolerance = "memory.available: 1M for what the leak's process touches of its own, and "
                        "memory.stat lags by up to 128 pages a CPU. Usage and the neighbour's: one "
                        "batch of 64 pages a CPU.",
           .control = "memory.max 128M: the leak goes on to its end."},
      .measure = MeasureSlabLeak};
}

}  // namespace nodeproof::conformance
