// memory.min and memory.low: what a page-cache flood next door may take.
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/resting_victim.h"
#include "conformance/pods.h"
#include "harness/measure/estimate.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kNode = MiB(48);
constexpr Bytes kVictimCache = MiB(16);
constexpr Bytes kProtection = MiB(24);
constexpr Bytes kFloodFile = MiB(48);
constexpr Bytes kFlood = kNode * 3;

kubelet::Pod GuaranteedVictim() {
  return MakePod("victim", {{.cpu_request = "500m",
                             .cpu_limit = "500m",
                             .memory_request = "64Mi",
                             .memory_limit = "64Mi"}});
}
kubelet::Pod BurstableVictim() {
  return MakePod("victim", {{.memory_request = "64Mi", .memory_limit = "96Mi"}});
}

// A flood through the page cache, watched to its end.
Result<stress::FileFlood> RunFlood(ArmContext& context, const cgroup::Cgroup& group,
                                   const probe::ScratchFile& file, RestingVictim& victim,
                                   Bytes amount) {
  stress::FileFlood flood = TRY(stress::FileFlood::Start(
      {.group = &group, .file = file.path(), .amount = amount, .oom_score_adj = 1000}));
  TRY(Await(context, "the flood's amount", [&]() -> Result<bool> {
    TRY(victim.Look());
    return flood.Moved() >= amount || !TRY(flood.Running());
  }));
  TRY(victim.Look());
  return flood;
}

// node 48M ─┬─ victim  memory.min 24M, 16M of page cache, at rest
//           └─ flood   reads a 48M file over and over, 144M in all
Result<results::Arm> MeasureFlood(ArmContext& context) {
  const bool is_protected = context.Protected();
  const Bytes protection = is_protected ? kProtection : Bytes{0};
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {GuaranteedVictim(), MakePod("flood", {{}})},
      [&](kubelet::Plan& plan) {
        return SetOnPath(plan, "victim", "memory.min", fmt::format("{}", protection.value));
      },
      {.memory = kNode, .protection = protection}));
  RestingVictim victim =
      TRY(RestingVictim::Start(context, *TRY(tree.Container("victim", "main")), kVictimCache));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFloodFile));
  const stress::FileFlood flood =
      TRY(RunFlood(context, *TRY(tree.Container("flood", "main")), file, victim, kFlood));
  const RestingVictim::Reread reread = TRY(victim.ReadAgain(context));

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.min 24M" : "memory.min 0");
  arm.checks = {
      BytesAtLeast("victim's pages kept (least of all looks)", kVictimCache, victim.least()),
      CountIs("victim's refaults", 0, reread.refaults)};
  arm.notes.push_back(Describe(reread));
  arm.load = {BytesDone("victim, before", kVictimCache, victim.before()),
              BytesDone("page-cache flood", kFlood, flood.Moved())};
  return arm;
}

constexpr Bytes kLowFlood = kNode * 2;
constexpr Bytes kHog = MiB(40);

// node 48M ─┬─ burstable ── victim    memory.low 24M, 16M of page cache, at rest
//           └─ besteffort ─┬─ flood   96M through the page cache
//                          └─ hog     then 40M of anonymous memory
Result<results::Arm> MeasureLow(ArmContext& context) {
  const bool is_protected = context.Protected();
  const Bytes low = is_protected ? kProtection : Bytes{0};
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {BurstableVictim(), MakePod("flood", {{}}), MakePod("hog", {{}})},
      [&](kubelet::Plan& plan) {
        return SetOnPath(plan, "victim", "memory.low", fmt::format("{}", low.value));
      },
      {.memory = kNode}));
  const cgroup::Cgroup& group = *TRY(tree.Container("victim", "main"));
  RestingVictim victim = TRY(RestingVictim::Start(context, group, kVictimCache));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFloodFile));
  const stress::FileFlood flood =
      TRY(RunFlood(context, *TRY(tree.Container("flood", "main")), file, victim, kLowFlood));
  const Bytes kept = victim.least();
  const int64_t early = TRY(Counter(group, "memory.events", "low"));

  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = TRY(tree.Container("hog", "main")), .target = kHog, .oom_score_adj = 1000}));
  TRY(Await(context, "the hog's end",
            [&]() -> Result<bool> { return hog.Touched() >= kHog || !TRY(hog.Running()); }));
  const Bytes left = TRY(victim.Look());

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.low 24M" : "memory.low 0");
  arm.checks = {
      BytesAtLeast("victim's pages kept while the flood ran", kVictimCache, kept),
      CountIs("low in memory.events while the flood ran", 0, early),
      BytesAtMost("victim's pages left once the hog has 40M", kNode - kHog, left),
      CountIs("hogs that got their 40M", 1, hog.Touched() >= kHog),
      measure::ExactCheck("low in memory.events of the victim",
                          {1, results::Relation::kAtLeast, 0, "count"},
                          static_cast<double>(TRY(Counter(group, "memory.events", "low"))))};
  arm.load = {BytesDone("victim, before", kVictimCache, victim.before()),
              BytesDone("page-cache flood", kLowFlood, flood.Moved())};
  return arm;
}

}  // namespace

Claim MemoryMinPageCacheFlood() {
  return {
      .id = "memory.min.page-cache-flood",
      .statement =
          "A victim within its memory.min loses no page to a sibling's page-cache flood, "
          "and its cached reads do not refault.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.min\"",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 48M ── kubepods  memory.min 24M\n"
                   "   ├─ pod victim            memory.min 24M (pod and container)\n"
                   "   └─ besteffort ── pod flood",
           .load =
               "The victim reads a 16M file once and rests, so that nothing but protection keeps "
               "its pages. The flood reads a 48M file over and over: three times the node. "
               "Then the victim reads its file again.",
           .expected = "All of the victim's 16M stay at every look (mincore), and reading them "
                       "again refaults nothing.",
           .tolerance = "None: usage (16M and the kernel's share) is below the protection by 8M, "
                        "and below its min the kernel does not scan a group at all.",
           .control = "memory.min 0 on the whole path: the flood takes the victim's pages."},
      .measure = MeasureFlood};
}

Claim MemoryLowBestEffort() {
  return {
      .id = "memory.low.best-effort",
      .statement =
          "memory.low keeps a victim's pages while anything else can be reclaimed, and "
          "yields instead of an OOM kill when nothing else is left.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.low\"",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 48M ── kubepods  memory.low 24M\n"
                   "   ├─ burstable             memory.low 24M\n"
                   "   │   └─ pod victim        memory.low 24M (pod and container)\n"
                   "   └─ besteffort ─┬─ pod flood\n"
                   "                  └─ pod hog",
           .load = "The victim holds 16M of page cache, at rest. A flood reads 96M; then a hog "
                   "grows to 40M of anonymous memory, which leaves 8M for all others.",
           .expected = "While the flood runs all 16M stay, without a `low` event. The hog gets its "
                       "40M without an OOM kill: the victim is then left with 8M at most, and "
                       "`low` is counted in its memory.events.",
           .tolerance = "None: usage is below the protection by 8M while the flood runs, and what "
                        "the hog holds cannot be the victim's.",
           .control = "memory.low 0 on the whole path: the flood takes the victim's pages."},
      .measure = MeasureLow};
}

}  // namespace nodeproof::conformance
