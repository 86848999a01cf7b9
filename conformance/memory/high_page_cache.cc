// memory.high: page cache is held at it.
#include <algorithm>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kHigh = MiB(30);
constexpr Bytes kCache = MiB(50);
// What a reader asks for in one go: charged before the kernel looks at memory.high.
constexpr Bytes kPart = KiB(256);

// How far usage can be from memory.high while it is obeyed.
Bytes Above(const ArmContext& context) { return kPart + ChargeBatches(context); }
Bytes Below(const ArmContext& context) { return Above(context) + MiB(1); }

// besteffort ── pod  memory.high 30M ── main     a reader of a 50M file
Result<results::Arm> MeasureHighPageCache(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return Override(plan, TRY(PathOfPod(plan, "pod")), "memory.high",
                    fmt::format("{}", kHigh.value), "set by the claim");
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, edit));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("pod"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kCache));
  stress::FileFlood reader = TRY(stress::FileFlood::Start(
      {.group = TRY(tree.Container("pod", "main")), .file = file.path(), .amount = kCache}));
  // A kernel that slows the reader down and reclaims nothing would keep it busy for minutes: twice
  // as far above as it may be is enough to know.
  Bytes usage{0};
  TRY(Await(context, "the reader's end", [&]() -> Result<bool> {
    const bool done = reader.Moved() >= kCache;
    usage = Bytes{TRY(cgroup::ReadNumber(pod, "memory.current"))};
    return done || usage > kHigh + Above(context) * 2 || !TRY(reader.Running());
  }));
  const cgroup::KeyedCounters events = TRY(cgroup::ReadKeyed(pod, "memory.events"));

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.high 30M" : "no memory.high");
  arm.checks = {
      BytesAtMost("memory.current after 50M", kHigh, usage, Above(context)),
      BytesAtLeast("the same, at least", kHigh, usage, Below(context)),
      CountIs("oom_kill in memory.events", 0, events.Get("oom_kill")),
      measure::ExactCheck("high in memory.events", {1, results::Relation::kAtLeast, 0, "count"},
                          static_cast<double>(events.Get("high")))};
  // All of it; where usage was far above before that, its pages are most of what is above 30M.
  const bool early = usage > kHigh + Above(context) * 2;
  arm.load = {BytesDone("reader", early ? Bytes{kHigh.value / 2} : kCache, reader.Moved())};
  return arm;
}

}  // namespace

Claim MemoryHighPageCache() {
  return {
      .id = "memory.high.page-cache",
      .statement = "Page cache of a group is held at its memory.high, and nobody is killed for it.",
      .source = "tools/testing/selftests/cgroup/test_memcontrol.c, test_memcg_high",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "besteffort ── pod  memory.high 30M, no swap ── main  none of its own",
           .load = "A reader of a 50M file in main, 256K in one go.",
           .expected = "memory.current of the pod is 30M afterwards, its `high` was counted, no "
                       "oom_kill.",
           .tolerance = "Usage is looked at on the way back to user space: it may be above by one "
                        "read of 256K and the charge batch of each CPU (64 pages). Below by the "
                        "same, and by the pages that reclaim frees at once (1 MiB).",
           .control = "No memory.high: pages stay beyond 30M."},
      .measure = MeasureHighPageCache};
}

}  // namespace nodeproof::conformance
