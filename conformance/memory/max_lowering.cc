// memory.max lowered below what is in use: reclaim first, and a kill only when it must.
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kCache = MiB(64);
constexpr Bytes kAnon = MiB(24);
constexpr Bytes kAboveAnon = MiB(40);  // the page cache must give way
constexpr Bytes kBelowAnon = MiB(12);  // the hog must die

// besteffort ── pod ── main  memory.max max → 40M → 12M     24M anonymous, 64M page cache
Result<results::Arm> MeasureLowering(ArmContext& context) {
  const bool is_protected = context.Protected();
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;  // one kill, one process
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kCache));
  stress::AnonHog hog =
      TRY(stress::AnonHog::Start({.group = &group, .target = kAnon, .oom_score_adj = 1000}));
  TRY(hog.AwaitFull(context.patience()));
  probe::CachedReader reader =
      TRY(probe::CachedReader::Start({.group = &group, .file = file.path(), .passes = 1}));
  TRY(reader.AwaitFirstPass(context.patience()));
  const Bytes before{TRY(cgroup::ReadNumber(group, "memory.current"))};

  if (is_protected) TRY(group.Write("memory.max", fmt::format("{}", kAboveAnon.value)));
  const Bytes lowered{TRY(cgroup::ReadNumber(group, "memory.current"))};
  const int64_t kills = TRY(Counter(group, "memory.events", "oom_kill"));
  const bool lived = TRY(hog.Running());
  if (is_protected) TRY(group.Write("memory.max", fmt::format("{}", kBelowAnon.value)));
  const bool killed = is_protected && lived && TRY(DiedOfKill(hog.process(), context.patience()));
  const Bytes lowest{TRY(cgroup::ReadNumber(group, "memory.current"))};

  results::Arm arm =
      DescribedArm(tree, is_protected ? "memory.max lowered to 40M, then to 12M" : "not lowered");
  arm.checks = {
      BytesAtMost("memory.current, lowered to 40M", kAboveAnon, lowered),
      BytesAtLeast("the same, at least the anonymous memory", kAnon, lowered),
      CountIs("oom_kill, lowered to 40M", 0, kills),
      BytesAtMost("memory.current, lowered to 12M", kBelowAnon, lowest),
      CountIs("hogs killed, lowered to 12M", 1, killed),
      CountIs("oom_kill in memory.events", 1, TRY(Counter(group, "memory.events", "oom_kill")))};
  arm.load = {BytesDone("in use before", kCache + kAnon, before)};
  return arm;
}

}  // namespace

Claim MemoryMaxLowering() {
  return {
      .id = "memory.max.lowering",
      .statement = "Lowering memory.max below usage reclaims first, and OOM-kills only if it must.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.max\"; mm/memcontrol.c, "
          "memory_max_write()",
      .needs = PageCacheNeeds(MiB(512)),
      .explanation =
          {.tree = "besteffort ── pod ── main  memory.max: max, then 40M, then 12M; no swap",
           .load = "24M of anonymous memory and 64M of page cache, both at rest.",
           .expected = "At 40M the page cache gives way: memory.current at most 40M when the write "
                       "returns, no kill, the anonymous memory stays. At 12M the hog is "
                       "OOM-killed, once, and memory.current is at most 12M.",
           .tolerance = "None: the write returns when the counter is below the new limit, and "
                        "nothing else charges.",
           .control = "Not lowered: 88M stay in use."},
      .measure = MeasureLowering};
}

}  // namespace nodeproof::conformance
