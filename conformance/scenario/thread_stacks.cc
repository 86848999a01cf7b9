// A process that needs more than its heap.
#include <algorithm>

#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/scenario/scenario_claims.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/thread_growth.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kLimit = MiB(48);
constexpr Bytes kHeap = MiB(24);
constexpr int kThreads = 16;
constexpr Bytes kStack = MiB(1);
constexpr Bytes kShared = MiB(16);
// What a thread takes beside: 16K of kernel stack, some 12K of kernel objects, the pages at the top
// of its stack that hold its own data and frames.
constexpr Bytes kThreadShare = KiB(48);
constexpr Bytes kAll = kHeap + kStack * kThreads + kShared;

// burstable ── pod ── main  memory.max 48M    24M of heap, 16 stacks of 1M, 16M shared: 56M
Result<results::Arm> MeasureThreadStacks(ArmContext& context) {
  const bool is_protected = context.Protected();
  const kubelet::Pod pod =
      MakePod("pod", {{.memory_request = "48Mi", .memory_limit = is_protected ? "48Mi" : "96Mi"}});
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;  // one kill, one process
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, {pod}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  stress::ThreadGrowth growth = TRY(stress::ThreadGrowth::Start({.group = &group,
                                                                 .heap = kHeap,
                                                                 .threads = kThreads,
                                                                 .stack = kStack,
                                                                 .shared = kShared,
                                                                 .oom_score_adj = 1000}));
  Bytes most{0};
  Bytes heap_alone{0};
  TRY(Await(context, "the growth's end", [&]() -> Result<bool> {
    const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
    most = std::max(most, usage);
    if (growth.Stacks() == Bytes{0}) heap_alone = usage;
    return growth.Shared() >= kShared || TRY(Counter(group, "memory.events", "oom_kill")) > 0;
  }));
  const Bytes touched = growth.Heap() + growth.Stacks() + growth.Shared();
  results::Arm arm = DescribedArm(tree, is_protected ? "memory.max 48M" : "memory.max 96M");
  arm.checks = {
      CountIs("oom_kill in memory.events", 1, TRY(Counter(group, "memory.events", "oom_kill"))),
      BytesAtLeast("memory touched by then", kLimit, touched,
                   KernelShare(context, kLimit) + kThreadShare * kThreads),
      BytesAtMost("the same, at most", kLimit, touched),
      BytesAtMost("memory.current, most of all looks", kLimit, most, ChargeBatches(context))};
  arm.notes.push_back(fmt::format("killed with {} of heap, {} of stacks, {} shared",
                                  FormatBytes(growth.Heap()), FormatBytes(growth.Stacks()),
                                  FormatBytes(growth.Shared())));
  arm.load = {BytesDone("heap", kHeap, growth.Heap()),
              BytesDone("stacks and shared mapping", is_protected ? MiB(20) : kAll - kHeap - MiB(1),
                        growth.Stacks() + growth.Shared())};
  return arm;
}

}  // namespace

Claim ScenarioThreadStacks() {
  return {
      .id = "scenario.thread-stacks",
      .statement =
          "A container that is sized for its heap is OOM-killed at its limit for the stacks of its "
          "threads and for what it shares: all that its processes touch counts.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Memory Ownership\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "burstable ── pod ── main  memory.max 48M, no swap",
           .load = "A process touches 24M of heap, then starts 16 threads that touch 1M of stack "
                   "each, then touches a shared mapping of 16M: 56M in all.",
           .expected = "It is OOM-killed once it has touched 48M, memory.current is never above.",
           .tolerance = "Less by the kernel's share (page tables, batches, 1 MiB for the process, "
                        "48K a thread). "
                        "Usage: one batch of 64 pages a CPU that does not fit is counted for a "
                        "moment.",
           .control = "memory.max 96M: it touches all of it and lives."},
      .measure = MeasureThreadStacks};
}

}  // namespace nodeproof::conformance
