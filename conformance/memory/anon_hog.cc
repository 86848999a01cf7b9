// memory.min: what an anonymous-memory hog next door may take.
#include "harness/stress/anon_hog.h"

#include "conformance/arm_context.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/residency.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// The victim's 48M and a hog of 224M do not fit a node of 256M: some 18M must give way. All that
// could be reclaimed is the victim's page cache. Without protection it goes; with it there is
// nothing to reclaim, and the hog is OOM-killed instead.
constexpr Bytes kNode = MiB(256);
constexpr Bytes kVictimCache = MiB(48);
constexpr Bytes kVictimMin = MiB(64);
constexpr Bytes kHog = MiB(224);
// Hogs that try it, one after the other.
constexpr int kHogs = 3;
// What the node's other processes and the kernel's own charges may take of it.
constexpr Bytes kOthers = MiB(16);

int64_t Refaults(const cgroup::KeyedCounters& stat) { return stat.Get("workingset_refault_file"); }

// What the victim kept while the hogs came and went.
struct Kept {
  Bytes least{0};        // of its file in the page cache, of all looks
  Bytes hog_touched{0};  // by the hog that got least far
};

// Lets the hogs try one after the other, looking at the victim's pages all the time. A hog is over
// when it has all it wants or was killed.
Result<Kept> RunHogs(ArmContext& context, const cgroup::Cgroup& group,
                     const probe::Residency& residency) {
  Kept kept{TRY(residency.Resident()), kHog};
  for (int i = 0; i < kHogs; ++i) {
    stress::AnonHog hog =
        TRY(stress::AnonHog::Start({.group = &group, .target = kHog, .oom_score_adj = 1000}));
    const Nanoseconds begun = context.clock().Now();
    Nanoseconds look = begun;
    while (hog.Touched() < kHog && TRY(hog.Running())) {
      if (context.clock().Now() - begun > context.patience()) return Fail("the hog got stuck");
      context.clock().WaitUntil(look += Milliseconds(20));
      kept.least = std::min(kept.least, TRY(residency.Resident()));
    }
    kept.least = std::min(kept.least, TRY(residency.Resident()));
    kept.hog_touched = std::min(kept.hog_touched, hog.Touched());
  }
  return kept;
}

// Sets memory.min on the whole path of the victim: a parent with 0 voids its children's.
Status Protect(kubelet::Plan& plan, Bytes min) {
  const std::string value = fmt::format("{}", min.value);
  for (const kubelet::PlannedCgroup& slice : plan.root.children) {
    if (slice.role != kubelet::CgroupRole::kNodeSlice) continue;
    TRY(Override(plan, slice.path, "memory.min", value, "set by the claim"));
  }
  TRY(Override(plan, TRY(PathOfPod(plan, "victim")), "memory.min", value, "set by the claim"));
  return Override(plan, TRY(PathOfContainer(plan, "victim")), "memory.min", value,
                  "set by the claim");
}

// node 256M ─┬─ victim  memory.min 64M, reads 48M of page cache over and over
//            └─ hog     224M of anonymous memory, three times
Result<results::Arm> MeasureAnonHog(ArmContext& context) {
  const bool is_protected = context.Protected();
  const kubelet::Pod victim = MakePod("victim", {{.cpu_request = "500m",
                                                  .cpu_limit = "500m",
                                                  .memory_request = "128Mi",
                                                  .memory_limit = "128Mi"}});
  const capsule::Tree tree = TRY(context.Plant(
      kubelet::SimpleNode(4, GiB(8).value), {}, {victim, MakePod("hog", {{}})},
      [&](kubelet::Plan& plan) { return Protect(plan, is_protected ? kVictimMin : Bytes{0}); },
      {.memory = kNode, .protection = is_protected ? kVictimMin : Bytes{0}}));
  const cgroup::Cgroup& victim_group = *TRY(tree.Container("victim", "main"));

  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kVictimCache));
  const probe::Residency residency = TRY(probe::Residency::Open(file.path()));
  probe::CachedReader reader = TRY(
      probe::CachedReader::Start({.name = "victim", .group = &victim_group, .file = file.path()}));
  TRY(reader.AwaitFirstPass(context.patience()));
  const Bytes resident_before = TRY(residency.Resident());
  const int64_t passes_before = reader.Passes();
  const int64_t refaults_before = Refaults(TRY(cgroup::ReadKeyed(victim_group, "memory.stat")));

  const Kept kept = TRY(RunHogs(context, *TRY(tree.Container("hog", "main")), residency));
  const int64_t refaults =
      Refaults(TRY(cgroup::ReadKeyed(victim_group, "memory.stat"))) - refaults_before;

  if (!TRY(reader.Running())) return Fail("the victim ended while the hogs ran");

  const auto cache = static_cast<double>(kVictimCache.value);
  results::Arm arm;
  arm.description = is_protected ? "memory.min 64M" : "memory.min 0";
  arm.checks = {measure::ExactCheck("victim's pages kept (least of all looks)",
                                    {cache, Relation::kAtLeast, 0, "bytes"},
                                    static_cast<double>(kept.least.value)),
                measure::ExactCheck("victim's refaults", {0, Relation::kAtMost, 0, "count"},
                                    static_cast<double>(refaults))};
  arm.notes = tree.discrepancies();
  arm.tree = tree.entries();
  // Protected, a hog must have filled all that the victim leaves; in the control arm, its target.
  const Bytes room = is_protected ? kNode - kVictimCache - kOthers : kHog;
  arm.load = {{"victim, first pass", "bytes", cache, static_cast<double>(resident_before.value)},
              {"victim, while the hogs ran", "passes", 1,
               static_cast<double>(reader.Passes() - passes_before)},
              {"anon hog that got least far", "bytes", static_cast<double>(room.value),
               static_cast<double>(kept.hog_touched.value)}};
  return arm;
}

}  // namespace

Claim MemoryMinAnonHog() {
  return {
      .id = "memory.min.anon-hog",
      .statement =
          "A victim within its memory.min loses no page to a sibling's anonymous-memory "
          "hog.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.min\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"},
                .memory = MiB(512),
                .scratch = true,
                .realtime = true,
                .why_realtime = "its page cache needs a disk"},
      .explanation =
          {.tree = "node 256M ── kubepods  memory.min 64M\n"
                   "   ├─ pod victim            memory.min 64M (pod and container)\n"
                   "   └─ besteffort ── pod hog",
           .load =
               "The victim reads a 48M file over and over. A hog grows to 224M of anonymous "
               "memory, three times. Together 272M and more in 256M, no swap: only the victim's "
               "page cache could give way.",
           .expected =
               "All of the victim's 48M stay in the page cache at every look (mincore), and "
               "workingset_refault_file of its group stays 0; the hogs are OOM-killed "
               "instead.",
           .tolerance = "None: usage (48M and the kernel's share) is below the protection by 16M, "
                        "so no batching of charges can bring it to the edge; below its min the "
                        "kernel does not scan a group at all.",
           .control = "memory.min 0 on the whole path: the victim loses pages, and the hogs get "
                      "all they want."},
      .measure = MeasureAnonHog};
}

}  // namespace nodeproof::conformance
