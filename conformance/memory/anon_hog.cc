// memory.min: what an anonymous-memory hog next door may take.
#include "harness/stress/anon_hog.h"

#include "conformance/arm_context.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/residency.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// The victim's 24M and a hog of 80M do not fit a node of 96M: some 10M must give way. All that
// could be reclaimed is the victim's page cache. Without protection it goes; with it there is
// nothing to reclaim, and the hog is OOM-killed instead.
constexpr Bytes kNode = MiB(96);
constexpr Bytes kVictimCache = MiB(24);
constexpr Bytes kVictimMin = MiB(32);
constexpr Bytes kHog = MiB(80);
// Hogs that try it, one after the other.
constexpr int kHogs = 2;
// A victim that has lost its pages gets no further than this while a hog grows on a fast machine.
constexpr Bytes kOneRead = KiB(256);
// What the node's other processes and the kernel's own charges may take of it.
constexpr Bytes kOthers = MiB(8);

int64_t Refaults(const cgroup::KeyedCounters& stat) { return stat.Get("workingset_refault_file"); }

// What the victim kept while the hogs came and went.
struct Kept {
  Bytes least{0};        // of its file in the page cache, of all looks
  Bytes hog_touched{0};  // by the hog that got least far
  Bytes before{0};       // of its file, before the first hog
  Bytes read{0};         // by the victim while the hogs ran
  int64_t refaults = 0;
};

// Lets `hogs` try one after the other, looking at the victim's pages all the time. A hog is over
// when it has all it wants or was killed.
Result<Kept> RunHogs(ArmContext& context, const cgroup::Cgroup& group,
                     const probe::Residency& residency, int hogs) {
  Kept kept{.least = TRY(residency.Resident()), .hog_touched = kHog};
  for (int i = 0; i < hogs; ++i) {
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

// Where memory.min is set: on the victim's pod and container, and on the slices above them.
struct Protection {
  Bytes victim{0};
  Bytes above{0};
};

Result<capsule::Tree> PlantVictimAndHog(ArmContext& context, const Protection& protection) {
  const kubelet::Pod victim = MakePod("victim", {{.cpu_request = "500m",
                                                  .cpu_limit = "500m",
                                                  .memory_request = "128Mi",
                                                  .memory_limit = "128Mi"}});
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    TRY(SetOnPath(plan, "victim", "memory.min", fmt::format("{}", protection.above.value)));
    return SetOnPod(plan, "victim", "memory.min", fmt::format("{}", protection.victim.value));
  };
  return context.Plant(MemoryNode(), {}, {victim, MakePod("hog", {{}})}, edit,
                       {.memory = kNode, .protection = protection.above});
}

// node 96M ─┬─ victim  memory.min 32M, reads 24M of page cache over and over
//           └─ hog     80M of anonymous memory, `hogs` times
Result<Kept> RunAgainst(ArmContext& context, const capsule::Tree& tree, int hogs) {
  const cgroup::Cgroup& victim_group = *TRY(tree.Container("victim", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kVictimCache));
  const probe::Residency residency = TRY(probe::Residency::Open(file.path()));
  probe::CachedReader reader = TRY(
      probe::CachedReader::Start({.name = "victim", .group = &victim_group, .file = file.path()}));
  TRY(reader.AwaitFirstPass(context.patience()));
  const Bytes before = TRY(residency.Resident());
  const Bytes read_before = reader.Read();
  const int64_t refaults_before = Refaults(TRY(cgroup::ReadKeyed(victim_group, "memory.stat")));
  Kept kept = TRY(RunHogs(context, *TRY(tree.Container("hog", "main")), residency, hogs));
  kept.before = before;
  kept.refaults = Refaults(TRY(cgroup::ReadKeyed(victim_group, "memory.stat"))) - refaults_before;
  kept.read = reader.Read() - read_before;
  if (!TRY(reader.Running())) return Fail("the victim ended while the hogs ran");
  return kept;
}

std::vector<results::LoadProof> Loads(const Kept& kept, Bytes hog_needs) {
  return {BytesDone("victim, first pass", kVictimCache, kept.before),
          BytesDone("victim, while the hogs ran", kOneRead, kept.read),
          BytesDone("anon hog that got least far", hog_needs, kept.hog_touched)};
}

Result<results::Arm> MeasureAnonHog(ArmContext& context) {
  const bool is_protected = context.Protected();
  const Bytes min = is_protected ? kVictimMin : Bytes{0};
  const capsule::Tree tree = TRY(PlantVictimAndHog(context, {.victim = min, .above = min}));
  const Kept kept = TRY(RunAgainst(context, tree, kHogs));
  results::Arm arm = DescribedArm(tree, is_protected ? "memory.min 32M" : "memory.min 0");
  arm.checks = {BytesAtLeast("victim's pages kept (least of all looks)", kVictimCache, kept.least),
                CountIs("victim's refaults", 0, kept.refaults)};
  // Protected, a hog must have filled all that the victim leaves; in the control arm, its target.
  arm.load = Loads(kept, is_protected ? kNode - kVictimCache - kOthers : kHog);
  return arm;
}

Result<results::Arm> MeasureParentZero(ArmContext& context) {
  const bool parent_zero = context.Protected();
  const capsule::Tree tree = TRY(PlantVictimAndHog(
      context, {.victim = kVictimMin, .above = parent_zero ? Bytes{0} : kVictimMin}));
  const Kept kept = TRY(RunAgainst(context, tree, 1));
  results::Arm arm = DescribedArm(tree, parent_zero ? "memory.min 32M below a kubepods with 0"
                                                    : "memory.min 32M on the whole path");
  arm.checks = {BytesAtMost("victim's pages left (least of all looks)", kNode - kHog, kept.least),
                BytesAtLeast("memory that the hog got", kHog, kept.hog_touched)};
  arm.load = Loads(kept, kNode - kVictimCache - kOthers);
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
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 96M ── kubepods  memory.min 32M\n"
                   "   ├─ pod victim            memory.min 32M (pod and container)\n"
                   "   └─ besteffort ── pod hog",
           .load = "The victim reads a 24M file over and over. A hog grows to 80M of anonymous "
                   "memory, twice. Together 104M and more in 96M, no swap: only the victim's page "
                   "cache could give way.",
           .expected =
               "All of the victim's 24M stay in the page cache at every look (mincore), and "
               "workingset_refault_file of its group stays 0; the hogs are OOM-killed "
               "instead.",
           .tolerance = "None: usage (24M and the kernel's share) is below the protection by 7M, "
                        "so no batching of charges can bring it to the edge; below its min the "
                        "kernel does not scan a group at all.",
           .control = "memory.min 0 on the whole path: the victim loses pages, and the hogs get "
                      "all they want."},
      .measure = MeasureAnonHog};
}

Claim MemoryMinParentZero() {
  return {
      .id = "memory.min.parent-zero",
      .statement = "A parent whose memory.min is 0 voids the memory.min of its children.",
      .source =
          "KEP-2570; Documentation/admin-guide/cgroup-v2.rst, \"memory.min\"; mm/memcontrol.c, "
          "effective_protection()",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "node 96M ── kubepods  memory.min 0\n"
                   "   ├─ pod victim            memory.min 32M (pod and container)\n"
                   "   └─ besteffort ── pod hog",
           .load = "As in memory.min.anon-hog: a 24M file that is read all the time, and a hog of "
                   "80M.",
           .expected = "The hog gets its 80M, which leaves 16M at the most to the victim.",
           .tolerance = "None: what the hog holds cannot be the victim's.",
           .control = "memory.min 32M on kubepods too: the victim keeps all."},
      .measure = MeasureParentZero};
}

}  // namespace nodeproof::conformance
