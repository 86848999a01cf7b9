// cpu.pressure: what a task waits for its CPU, throttled or beside others.
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/psi/psi_claims.h"
#include "conformance/psi/stall_stretch.h"
#include "harness/measure/estimate.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Nanoseconds kWatch = std::chrono::seconds(1);
constexpr const char* kFile = "cpu.pressure";

Result<Growth> Watch(const ArmContext& context, StallStretch& stretch) {
  const Clock& clock = context.clock();
  TRY(stretch.Begin());
  clock.WaitUntil(clock.Now() + kWatch);
  return stretch.Read();
}

// kubepods ── burstable ── pod  20000 / 100000 ── main      a hog on CPU N
Result<results::Arm> MeasureThrottling(ArmContext& context) {
  const auto limit = context.Protected() ? "200m" : "";
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {MakePod("pod", {{.cpu_request = "100m", .cpu_limit = limit}})}));
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod"));
  TRY(RequirePressureFile(*levels[0].group, kFile));
  stress::CpuHog hog = TRY(
      stress::CpuHog::Start({.group = levels[0].group, .affinity = CpuSet{context.QuietCpu()}}));
  TRY(hog.AwaitReady(context.patience()));

  std::vector<StallStretch::File> files;
  for (const PodLevel& level : levels) files.push_back({level.group, kFile});
  files.push_back({nullptr, "cpu"});
  StallStretch stretch(context.clock(), {[&] { return hog.CpuTime(); }}, files);
  // The container's quota or the pod's, which is the same: whichever is met first.
  const auto throttles = [&]() -> Result<int64_t> {
    return TRY(cgroup::ReadCpuStat(*levels[0].group)).nr_throttled +
           TRY(cgroup::ReadCpuStat(*levels[1].group)).nr_throttled;
  };
  const int64_t throttled_before = TRY(throttles());
  const Growth growth = TRY(Watch(context, stretch));
  const int64_t throttled = TRY(throttles()) - throttled_before;
  const Nanoseconds waited = growth.wall - growth.ran[0];

  results::Arm arm = DescribedArm(tree, context.Protected() ? "cpu limit 200m" : "no cpu limit");
  // The refill of one period may lie across either edge.
  arm.checks = {PartIs("time that all tasks of the container waited (PSI full)", growth,
                       Relation::kAtLeast, kWatch * 8 / 10, growth.pressure[0].full_total,
                       Milliseconds(40))};
  for (size_t i = 0; i < levels.size(); ++i) {
    const cgroup::Pressure& pressure = growth.pressure[i];
    arm.checks.push_back(PartIs(fmt::format("`full` of {}", levels[i].name), growth,
                                Relation::kWithin, waited, pressure.full_total));
    arm.checks.push_back(PartIs(fmt::format("`some` of {}", levels[i].name), growth,
                                Relation::kWithin, waited, pressure.some_total));
  }
  arm.checks.push_back(
      CountIs("`full` of the node (usec)", 0, growth.pressure.back().full_total.count()));
  arm.load = {{"hog", "rounds", 1, static_cast<double>(hog.Work())},
              {"periods in which it was throttled", "count", context.Protected() ? 5.0 : 0.0,
               static_cast<double>(throttled)}};
  return arm;
}

// kubepods ── besteffort ─┬─ a     a hog on CPU N
//                         └─ b     another
Result<results::Arm> MeasureContention(ArmContext& context) {
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("a", {{}}), MakePod("b", {{}})}));
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "a"));
  TRY(RequirePressureFile(*levels[0].group, kFile));
  const CpuSet cpu{context.QuietCpu()};
  std::vector<stress::CpuHog> hogs;
  std::vector<StallStretch::RunTime> processes;
  // The control arm's a is alone.
  for (const char* pod : {"a", "b"}) {
    if (!context.Protected() && !hogs.empty()) break;
    hogs.push_back(TRY(stress::CpuHog::Start(
        {.name = pod, .group = TRY(tree.Container(pod, "main")), .affinity = cpu})));
  }
  for (stress::CpuHog& hog : hogs) {
    TRY(hog.AwaitReady(context.patience()));
    processes.emplace_back([&hog] { return hog.CpuTime(); });
  }

  std::vector<StallStretch::File> files = {{TRY(tree.Container("b", "main")), kFile}};
  for (const PodLevel& level : levels) files.push_back({level.group, kFile});
  StallStretch stretch(context.clock(), processes, files);
  const Growth growth = TRY(Watch(context, stretch));
  const Nanoseconds a = growth.wall - growth.ran[0];
  const Nanoseconds ran_b = growth.ran.size() > 1 ? growth.ran[1] : Nanoseconds(0);
  const Nanoseconds b = growth.wall - ran_b;
  const Nanoseconds neither = a - ran_b;
  const cgroup::Pressure& of_b = growth.pressure[0];

  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "two hogs on one CPU" : "one hog alone");
  arm.checks = {
      PartIs("time that some task of besteffort waited", growth, Relation::kWithin, growth.wall,
             growth.pressure[3].some_total),
      PartIs("time that all tasks of b waited", growth, Relation::kWithin, b, of_b.full_total),
      PartIs("time that some task of b waited", growth, Relation::kWithin, b, of_b.some_total)};
  for (size_t i = 0; i < levels.size(); ++i) {
    const cgroup::Pressure& pressure = growth.pressure[i + 1];
    const bool shared = i >= 2;
    arm.checks.push_back(PartIs(fmt::format("`some` of {} of a", levels[i].name), growth,
                                Relation::kWithin, shared ? growth.wall : a, pressure.some_total));
    arm.checks.push_back(PartIs(fmt::format("`full` of {} of a", levels[i].name), growth,
                                Relation::kWithin, shared ? neither : a, pressure.full_total));
  }
  arm.load = {{"hogs", "rounds", 1, static_cast<double>(hogs[0].Work())}};
  return arm;
}

}  // namespace

Claim PsiCpuThrottling() {
  return {
      .id = "psi.cpu-throttling",
      .statement =
          "What a throttled group waits shows in its cpu.pressure and in that of each "
          "group above it, in `some` and in `full`; the node's `full` stays 0.",
      .source =
          "KEP-4205; Documentation/accounting/psi.rst; kernel/sched/psi.c, "
          "psi_task_switch()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ── burstable ── pod  cpu.max 20000 100000 ── main",
           .load = "A hog pinned to the highest-numbered CPU, alone in the tree, watched for 1 s.",
           .expected =
               "`full` of the container is 0.8 of the time or more. At every level `some` and "
               "`full` are what the hog did not run, by its own CPU time. `full` of "
               "/proc/pressure/cpu does not grow.",
           .tolerance =
               "A tick (4 ms) at either end, until which what runs may not be charged, and what "
               "lies between the readings there. 0.8: one more refill of 20 ms at either end.",
           .control = "No cpu limit: the hog does not wait."},
      .measure = MeasureThrottling};
}

Claim PsiCpuContention() {
  return {
      .id = "psi.cpu-contention",
      .statement =
          "What a task waits for a CPU that another has shows in its groups' "
          "cpu.pressure; where one of them always runs, `full` does not grow.",
      .source = "Documentation/accounting/psi.rst; kernel/sched/psi.c, test_states()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ── besteffort ─┬─ pod a\n"
                   "                        └─ pod b",
           .load = "A hog in a and one in b, pinned to the same CPU, watched for 1 s.",
           .expected = "`some` and `full` of a and of its container are the time that its hog did "
                       "not run, by its own CPU time; alike for b. In besteffort and kubepods one "
                       "waits all the time (`some` 1), and all wait when neither runs (`full`).",
           .tolerance = "A tick (4 ms) at either end, until which what runs may not be charged, "
                        "and what lies between the readings there.",
           .control = "No hog in b: nobody waits."},
      .measure = MeasureContention};
}

}  // namespace nodeproof::conformance
