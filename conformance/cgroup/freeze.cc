// cgroup.freeze: nothing of a subtree runs, at whatever level it is written, while it forks.
#include <algorithm>
#include <atomic>

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/shared.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/cpu_hog.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using Kind = stress::ForkStormOptions::Kind;

// What a process may take until it stops: it does so on its next way to user space.
constexpr Nanoseconds kStop = std::chrono::seconds(10);
// How long a stretch is watched at the least, and what the neighbour must do in it.
constexpr Nanoseconds kStretch = Milliseconds(60);
constexpr uint64_t kRounds = 3;

struct Load {
  stress::ForkStorm relay;
  stress::CpuHog hog;
  stress::CpuHog neighbour;

  // What the frozen load did so far: births and rounds of work.
  uint64_t Done() const { return static_cast<uint64_t>(relay.Births()) + hog.Work(); }
};

// What was seen with one level frozen.
struct Stretch {
  bool frozen = false;     // by cgroup.events
  uint64_t done = 0;       // by the load, in the stretch
  bool born_late = false;  // a process that was born meanwhile ran
  bool thawed = false;     // the load and that process went on afterwards
};

Result<bool> IsFrozen(const cgroup::Cgroup& group) {
  return TRY(cgroup::ReadKeyed(group, "cgroup.events")).Get("frozen") == 1;
}

Result<Stretch> Watch(ArmContext& context, const cgroup::Cgroup& level,
                      const cgroup::Cgroup& deepest, const Load& load) {
  const Clock& clock = context.clock();
  Stretch stretch;
  if (context.Protected()) {
    TRY(level.Write("cgroup.freeze", "1"));
    const Nanoseconds deadline = clock.Now() + kStop;
    TRY(Await(context, "a frozen group", [&]() -> Result<bool> {
      stretch.frozen = TRY(IsFrozen(level)) && TRY(IsFrozen(deepest));
      return stretch.frozen || clock.Now() > deadline;
    }));
  }
  const auto ran = TRY(Shared<std::atomic<int>>::Create());
  std::atomic<int>* flag = ran.get();
  const uint64_t before = load.Done();
  const uint64_t neighbour = load.neighbour.Work();
  cgroup::Process late = TRY(
      cgroup::Process::Spawn({.name = "late", .group = &deepest}, [flag] { return *flag = 1; }));
  const Nanoseconds begun = clock.Now();
  TRY(Await(context, "the neighbour's work", [&]() -> Result<bool> {
    return clock.Now() >= begun + kStretch && load.neighbour.Work() >= neighbour + kRounds;
  }));
  stretch.done = load.Done() - before;
  stretch.born_late = *flag != 0;
  if (!context.Protected()) return stretch;

  // An own 0 frees nothing below a frozen group.
  if (&level != &deepest) TRY(deepest.Write("cgroup.freeze", "0"));
  stretch.frozen = stretch.frozen && TRY(IsFrozen(deepest));
  TRY(level.Write("cgroup.freeze", "0"));
  const Nanoseconds deadline = clock.Now() + kStop;
  TRY(Await(context, "a thawed group", [&]() -> Result<bool> {
    stretch.thawed = *flag != 0 && load.Done() > before + stretch.done && !TRY(IsFrozen(level));
    return stretch.thawed || clock.Now() > deadline;
  }));
  return stretch;
}

// node ─┬─ system.slice                                         a CPU hog
//       └─ kubepods ── besteffort ── pod ── main ── nested      a relay of 3, and a CPU hog
Result<results::Arm> MeasureFreeze(ArmContext& context) {
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup nested = TRY(main.CreateChild("nested"));
  if (!nested.Has("cgroup.freeze")) {
    return Unsupported("the kernel has no cgroup.freeze (5.2; cgroup {})", nested.path());
  }
  Load load{TRY(stress::ForkStorm::Start({.group = &nested, .kind = Kind::kRelay, .runners = 3})),
            TRY(stress::CpuHog::Start({.name = "hog", .group = &nested})),
            TRY(stress::CpuHog::Start({.name = "neighbour", .group = TRY(tree.SystemSlice())}))};
  TRY(load.hog.AwaitReady(context.patience()));
  TRY(load.neighbour.AwaitReady(context.patience()));
  TRY(Await(context, "the load",
            [&]() -> Result<bool> { return load.relay.Births() >= 10 && load.hog.Work() > 0; }));

  std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod", "besteffort"));
  std::ranges::reverse(levels);
  levels.push_back({"the group itself", &nested});
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "cgroup.freeze of each level in turn" : "nothing is frozen");
  for (const auto& [name, level] : levels) {
    const Stretch stretch = TRY(Watch(context, *level, nested, load));
    arm.checks.push_back(CountIs(fmt::format("births and rounds with {} frozen", name), 0,
                                 static_cast<int64_t>(stretch.done)));
    arm.checks.push_back(
        CountIs(fmt::format("processes born meanwhile that ran ({})", name), 0, stretch.born_late));
    arm.checks.push_back(
        CountIs(fmt::format("frozen in cgroup.events ({})", name), 1, stretch.frozen));
    arm.checks.push_back(
        CountIs(fmt::format("loads that went on once thawed ({})", name), 1, stretch.thawed));
  }
  arm.load = {{"relay", "births", 10, static_cast<double>(load.relay.Births())},
              {"neighbour", "rounds", static_cast<double>(levels.size() * kRounds),
               static_cast<double>(load.neighbour.Work())}};
  return arm;
}

}  // namespace

Claim CgroupFreeze() {
  return {
      .id = "cgroup.freeze",
      .statement =
          "Nothing of a frozen subtree runs, be it written at any level, and it goes on "
          "when thawed.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cgroup.freeze\"; "
          "tools/testing/selftests/cgroup/test_freezer.c",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node ─┬─ system.slice\n"
                   "      └─ kubepods ── besteffort ── pod ── main ── nested",
           .load = "In nested three processes fork and end, their children go on so, and a CPU "
                   "hog works; another hog works in system.slice. Each of the five levels is "
                   "frozen in turn; meanwhile a process is born in nested.",
           .expected = "From when cgroup.events says frozen 1 until it is thawed there is no "
                       "birth and no round of work, for 60 ms and while the other hog does three "
                       "rounds. The process that was born does not run. An own cgroup.freeze of "
                       "0 changes nothing. Thawed, all go on.",
           .tolerance = "Births and rounds are counted by the processes that do them: none. "
                        "Stopping and going on may take 10 s each.",
           .control = "Nothing is frozen."},
      .measure = MeasureFreeze};
}

}  // namespace nodeproof::conformance
