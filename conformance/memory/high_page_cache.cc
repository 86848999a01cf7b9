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

// besteffort ── pod ── main  memory.high 30M     a reader of a 50M file
Result<results::Arm> MeasureHighPageCache(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return SetOnPod(plan, "pod", "memory.high", fmt::format("{}", kHigh.value));
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kCache));
  stress::FileFlood reader =
      TRY(stress::FileFlood::Start({.group = &group, .file = file.path(), .amount = kCache}));
  TRY(reader.AwaitDone(context.patience()));
  const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
  const cgroup::KeyedCounters events = TRY(cgroup::ReadKeyed(group, "memory.events"));

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.high 30M" : "no memory.high");
  const Bytes batches = ChargeBatches(context);
  arm.checks = {
      BytesAtMost("memory.current after 50M", kHigh, usage, kPart + batches),
      BytesAtLeast("the same, at least", kHigh, usage, kPart + batches + MiB(1)),
      CountIs("oom_kill in memory.events", 0, events.Get("oom_kill")),
      measure::ExactCheck("high in memory.events", {1, results::Relation::kAtLeast, 0, "count"},
                          static_cast<double>(events.Get("high")))};
  arm.load = {BytesDone("reader", kCache, reader.Moved())};
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
          {.tree = "besteffort ── pod ── main  memory.high 30M (pod and container), no swap",
           .load = "A reader of a 50M file, 256K in one go.",
           .expected = "memory.current is 30M afterwards, `high` was counted, no oom_kill.",
           .tolerance = "Usage is looked at on the way back to user space: it may be above by one "
                        "read of 256K and the charge batch of each CPU (64 pages). Below by the "
                        "same, and by the pages that reclaim frees at once (1 MiB).",
           .control = "No memory.high: all 50M stay."},
      .measure = MeasureHighPageCache};
}

}  // namespace nodeproof::conformance
