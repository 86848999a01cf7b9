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

// What stands in the node of 256M. Without protection some 60M of page cache must go when the hog
// has grown; with it the bystander alone can pay, and everybody still fits.
constexpr Bytes kNode = MiB(256);
constexpr Bytes kVictimCache = MiB(48);
constexpr Bytes kVictimMin = MiB(64);
constexpr Bytes kBystanderCache = MiB(64);
constexpr Bytes kHog = MiB(176);
// Times that the hog gives half of its memory back and takes it again.
constexpr int64_t kChurns = 4;

int64_t Refaults(const cgroup::KeyedCounters& stat) { return stat.Get("workingset_refault_file"); }

// node 256M ─┬─ victim     memory.min 64M, reads 48M of page cache over and over
//            ├─ bystander  64M of page cache, read once
//            └─ hog        176M of anonymous memory, half of it given back and taken again
// Together 288M: 32M and more must go, and the victim's pages must not be among them.
Result<results::Arm> MeasureAnonHog(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::string victim_min = fmt::format("{}", is_protected ? kVictimMin.value : 0);
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    // The whole path needs the protection: a parent with 0 voids its children's.
    for (const kubelet::PlannedCgroup& slice : plan.root.children) {
      if (slice.role != kubelet::CgroupRole::kNodeSlice) continue;
      TRY(Override(plan, slice.path, "memory.min", victim_min, "set by the claim"));
    }
    TRY(Override(plan, TRY(PathOfPod(plan, "victim")), "memory.min", victim_min,
                 "set by the claim"));
    return Override(plan, TRY(PathOfContainer(plan, "victim")), "memory.min", victim_min,
                    "set by the claim");
  };
  const kubelet::Pod victim = MakePod("victim", {{.cpu_request = "500m",
                                                  .cpu_limit = "500m",
                                                  .memory_request = "128Mi",
                                                  .memory_limit = "128Mi"}});
  const capsule::Tree tree = TRY(context.Plant(
      kubelet::SimpleNode(4, GiB(8).value), {},
      {victim, MakePod("bystander", {{}}), MakePod("hog", {{}})}, edit, {.memory = kNode}));
  const cgroup::Cgroup& victim_group = *TRY(tree.Container("victim", "main"));

  const std::filesystem::path& scratch = *context.environment().scratch;
  const probe::ScratchFile victim_file = TRY(probe::ScratchFile::Write(scratch, kVictimCache));
  const probe::ScratchFile bystander_file =
      TRY(probe::ScratchFile::Write(scratch, kBystanderCache));
  const probe::Residency residency = TRY(probe::Residency::Open(victim_file.path()));

  probe::CachedReader reader = TRY(probe::CachedReader::Start(
      {.name = "victim", .group = &victim_group, .file = victim_file.path()}));
  TRY(reader.AwaitFirstPass(context.patience()));
  {
    probe::CachedReader bystander =
        TRY(probe::CachedReader::Start({.name = "bystander",
                                        .group = TRY(tree.Container("bystander", "main")),
                                        .file = bystander_file.path()}));
    TRY(bystander.AwaitFirstPass(context.patience()));
  }  // its pages stay, charged to its group
  const Bytes resident_before = TRY(residency.Resident());
  const int64_t passes_before = reader.Passes();
  const int64_t refaults_before = Refaults(TRY(cgroup::ReadKeyed(victim_group, "memory.stat")));

  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = TRY(tree.Container("hog", "main")), .target = kHog, .churn = true}));
  const Bytes in_all = kHog + Bytes{kHog.value / 2} * kChurns;
  Bytes least = resident_before;
  const Nanoseconds begun = context.clock().Now();
  Nanoseconds look = begun;
  while (hog.TouchedInAll() < in_all && TRY(hog.Running()) &&
         context.clock().Now() - begun < context.patience()) {
    context.clock().WaitUntil(look += Milliseconds(50));
    least = std::min(least, TRY(residency.Resident()));
  }
  const int64_t refaults =
      Refaults(TRY(cgroup::ReadKeyed(victim_group, "memory.stat"))) - refaults_before;

  const auto cache = static_cast<double>(kVictimCache.value);
  results::Arm arm;
  arm.description = is_protected ? "memory.min 64M" : "memory.min 0";
  arm.checks = {measure::ExactCheck("victim's pages kept (least of all looks)",
                                    {cache, Relation::kAtLeast, 0, "bytes"},
                                    static_cast<double>(least.value)),
                measure::ExactCheck("victim's refaults", {0, Relation::kAtMost, 0, "count"},
                                    static_cast<double>(refaults))};
  arm.notes = tree.discrepancies();
  arm.tree = tree.entries();
  arm.load = {{"victim, first pass", "bytes", cache, static_cast<double>(resident_before.value)},
              {"victim, while the hog ran", "passes", 1,
               static_cast<double>(reader.Passes() - passes_before)},
              {"anon hog", "bytes", static_cast<double>(in_all.value),
               static_cast<double>(hog.TouchedInAll().value)}};
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
                   "   ├─ pod victim     memory.min 64M (pod and container)\n"
                   "   └─ besteffort ─┬─ pod bystander\n"
                   "                  └─ pod hog",
           .load =
               "The victim reads a 48M file over and over; the bystander has read 64M once; the "
               "hog grows to 176M of anonymous memory, then gives half of it back and takes it "
               "again four times. Together 288M in 256M, no swap.",
           .expected =
               "All of the victim's 48M stay in the page cache at every look (mincore), and "
               "workingset_refault_file of its group stays 0.",
           .tolerance = "None: usage (48M and the kernel's share) is below the protection by 16M, "
                        "so no batching of charges can bring it to the edge; below its min the "
                        "kernel does not scan a group at all.",
           .control = "memory.min 0 on the whole path: the victim loses pages."},
      .measure = MeasureAnonHog};
}

}  // namespace nodeproof::conformance
