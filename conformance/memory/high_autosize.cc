// memory.high and memory.pressure together: a controller finds out how much memory a pod needs.
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/scratch_file.h"
#include "harness/stress/autosizer.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Bytes kAnon = MiB(16);
constexpr Bytes kHot = MiB(16);   // read over and over
constexpr Bytes kCold = MiB(32);  // read once
constexpr Bytes kNeeded = kAnon + kHot;

// besteffort ── pod   32M that it needs (16M anonymous, 16M of page cache that it reads all the
//                     time), 32M of page cache that it read once
// system     ── a controller of the pod's memory.high
Result<results::Arm> MeasureAutosize(ArmContext& context) {
  const bool cold = context.Protected();
  const std::filesystem::path& disk = *context.environment().scratch;
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  if (!group.Has("memory.pressure")) {
    return Unsupported("the kernel has no memory.pressure (CONFIG_PSI, psi=1)");
  }
  stress::AnonHog anon = TRY(stress::AnonHog::Start({.group = &group, .target = kAnon}));
  TRY(anon.AwaitFull(context.patience()));
  const probe::ScratchFile once = TRY(probe::ScratchFile::Write(disk, kCold));
  const probe::ScratchFile often = TRY(probe::ScratchFile::Write(disk, kHot));
  stress::FileFlood flood =
      TRY(stress::FileFlood::Start({.group = &group, .file = once.path(), .amount = kCold}));
  TRY(flood.AwaitDone(context.patience()));
  probe::CachedReader reader =
      TRY(probe::CachedReader::Start({.name = "hot", .group = &group, .file = often.path()}));
  TRY(reader.AwaitFirstPass(context.patience()));
  // In the control arm nothing is cold: what was read once is now read all the time too.
  std::optional<probe::CachedReader> second;
  if (!cold) {
    second.emplace(
        TRY(probe::CachedReader::Start({.name = "hot too", .group = &group, .file = once.path()})));
    TRY(second->AwaitFirstPass(context.patience()));
  }
  const Bytes begun{TRY(cgroup::ReadNumber(group, "memory.current"))};
  stress::Autosizer autosizer = TRY(stress::Autosizer::Start(
      {.group = TRY(tree.SystemSlice()),
       .controlled = &group,
       .work =
           [&] { return second ? std::min(reader.Passes(), second->Passes()) : reader.Passes(); },
       .work_a_step = 2,
       .backoffs = 2}));
  TRY(autosizer.AwaitDone(context.patience()));

  const auto within = [](std::string name, Bytes measured) {
    return measure::ExactCheck(std::move(name),
                               {static_cast<double>(kNeeded.value), Relation::kWithin,
                                static_cast<double>(kNeeded.value) * 0.15, "bytes"},
                               static_cast<double>(measured.value));
  };
  results::Arm arm = DescribedArm(tree, cold ? "32M of 64M are in use" : "all 64M are in use");
  arm.checks = {within("lowest memory.high without stalls", autosizer.Found()),
                within("memory.current then", autosizer.UsedThen())};
  arm.notes.push_back(fmt::format("{} steps from {}", autosizer.Steps(), FormatBytes(begun)));
  arm.load = {BytesDone("memory of the pod, at first", kNeeded + kCold, begun),
              {"steps", "count", 3, static_cast<double>(autosizer.Steps())}};
  return arm;
}

}  // namespace

Claim MemoryHighAutosize() {
  return {
      .id = "memory.high.autosize",
      .statement =
          "A controller that lowers memory.high as long as memory.pressure allows finds what a pod "
          "truly needs.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.high\" (usage guidelines); "
          "Documentation/accounting/psi.rst; senpai",
      .needs = PageCacheNeeds(MiB(256)),
      .explanation =
          {.tree = "besteffort ── pod ── main   16M anonymous, 16M of page cache in use, 32M not\n"
                   "system.slice                a controller",
           .load =
               "The pod reads 16M of page cache over and over; 32M were read once. The controller "
               "begins at what the pod uses, lowers memory.high by 5 % after each step in which "
               "tasks of the pod stalled for 1 % of the time or less (PSI `some`), raises it by "
               "10 % after any other, and stops at the second of those. A step lasts for two "
               "passes of the reader.",
           .expected = "The lowest memory.high at which a step was calm is 32M within 15 %, and so "
                       "is memory.current at its end.",
           .tolerance = "Above: 5 % for the step, 5 % (1.5M) for the processes themselves, 5 % for "
                        "pages of the file in use that reclaim takes before those that are not. "
                        "Below: a step below what is needed brings pages back from the disk in "
                        "every pass, so that it is not calm.",
           .control = "All 64M are in use: there is nothing to take away."},
      .measure = MeasureAutosize};
}

}  // namespace nodeproof::conformance
