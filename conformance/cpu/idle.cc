// cpu.idle: a group that takes what others leave.
#include <algorithm>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/water_filling.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/idle_time.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// Weights as the scheduler has them (kernel/sched/sched.h): an idle group's WEIGHT_IDLEPRIO beside
// cpu.weight 1 and 100 (sched_weight_from_cgroup).
constexpr double kIdle = 3, kLeast = 10, kNormal = 1024;

// Half of the CPU is left, so the edges weigh twice (shares.h).
constexpr double kLeftTolerance = 2 * kShareTolerance;
// A load that is metered loses some of its demand to late wake-ups, a tick (4 ms) in each of its
// phases of about 20 ms at the worst: four fifths are left. Beside two equals it would get 0.33.
constexpr double kDemandTolerance = 0.2;

// How long the idle group has the CPU for itself.
constexpr Milliseconds kAlone{800};

// burstable ─┬─ pod batch   cpu.idle 1      one hog
//            ├─ pod least   cpu.weight 1    one hog
//            └─ pod normal  cpu.weight 100  a load that uses 50 %
// All pinned to CPU N. Then batch is alone there.
Result<results::Arm> MeasureIdleYields(ArmContext& context) {
  constexpr double kDemand = 0.5;
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    const std::string batch = TRY(PathOfPod(plan, "batch"));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "normal")), 100));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "least")), 1));
    TRY(OverrideWeight(plan, batch, 1));
    if (!is_protected) return {};
    return Override(plan, batch, "cpu.idle", "1", "set by the claim");
  };
  std::vector<kubelet::Pod> pods;
  for (const char* name : {"batch", "least", "normal"}) {
    pods.push_back(MakePod(name, {{.cpu_request = "1"}}));
  }
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));

  const CpuSet cpu{context.QuietCpu()};
  const std::vector<double> cpus =
      WaterFill({100, 0, {{kIdle, 1}, {kLeast, 1}, {kNormal, kDemand}}}, 1);
  results::Arm arm;
  {
    std::vector<Contender> contenders;
    for (size_t i = 0; i < pods.size(); ++i) {
      contenders.push_back(TRY(InPod(tree, pods[i].name, cpus[i])));
    }
    contenders.back().demand = kDemand;
    Contest contest = TRY(Contest::Start(context, cpu, std::move(contenders)));
    std::vector<results::Check> checks = TRY(contest.Measure(
        {{{"part of the idle group in what normal leaves",
           {kIdle / (kIdle + kLeast), Relation::kWithin, kLeftTolerance, "ratio"}},
          [](const Stretch& stretch) {
            const double left = stretch.usage_usec[0] + stretch.usage_usec[1];
            return left > 0 ? stretch.usage_usec[0] / left : 0;
          }},
         {{"part of what normal wants that it gets",
           {1, Relation::kAtLeast, kDemandTolerance, "ratio"}},
          [](const Stretch& stretch) {
            // Where others use the CPU too, by its weight of what the three have together.
            const double by_weight = stretch.TotalUsage() * kNormal / (kIdle + kLeast + kNormal);
            const double due = std::min(1e6 * kDemand * stretch.wall.count(), by_weight);
            return due > 0 ? stretch.usage_usec[2] / due : 0;
          }}}));
    arm = TRY(contest.Report(is_protected ? "cpu.idle 1" : "cpu.idle 0, cpu.weight 1", tree,
                             std::move(checks)));
  }
  const cgroup::Cgroup& batch = *TRY(tree.Pod("batch"));
  stress::CpuHog alone = TRY(stress::CpuHog::Start(
      {.name = "hog-alone", .group = TRY(tree.Container("batch", "main")), .affinity = cpu}));
  TRY(alone.AwaitReady(context.patience()));
  // What else runs there, on a host or in a guest whose CPU is taken away, is nobody's fault:
  // nobody may have left the CPU idle.
  const Clock& clock = context.clock();
  const cgroup::CpuStat before = TRY(cgroup::ReadCpuStat(batch));
  const Nanoseconds idle_before = TRY(measure::IdleTime(context.QuietCpu()));
  clock.WaitUntil(clock.Now() + kAlone);
  const Seconds idle = TRY(measure::IdleTime(context.QuietCpu())) - idle_before;
  const Seconds used = (TRY(cgroup::ReadCpuStat(batch)) - before).usage;
  arm.checks.push_back(measure::ExactCheck(
      "part of what others leave of the CPU that the idle group gets alone",
      {1, Relation::kAtLeast, 0.02, "ratio"}, idle > Seconds(0) ? used / (used + idle) : 1));
  arm.load.push_back({"the hog alone", "rounds", 1, static_cast<double>(alone.Work())});
  return arm;
}

}  // namespace

Claim CpuIdleYields() {
  return {
      .id = "cpu.idle.yields",
      .statement =
          "A group with cpu.idle gets less than a group of the least weight beside it, "
          "takes nothing that an ordinary group wants, and all of a CPU that is otherwise "
          "idle.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.idle\"; kernel/sched/sched.h "
          "(WEIGHT_IDLEPRIO)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod batch   cpu.idle 1\n"
                   "           ├─ pod least   cpu.weight 1\n"
                   "           └─ pod normal  cpu.weight 100",
           .load = "One CPU hog in batch and in least, and a load in normal that wants half of a "
                   "CPU, all on the highest-numbered CPU. Then batch's hog alone.",
           .expected = "normal gets the 0.50 that it wants; of what it leaves batch gets 3 / 13 = "
                       "0.231 and least the rest: 3 and 10 are the scheduler's weights of an idle "
                       "group and of cpu.weight 1. Alone batch gets all that others leave of the "
                       "CPU: it is never idle (/proc/stat).",
           .tolerance =
               "The running task may be uncharged for one tick at the outer edges of eight windows "
               "of 300 ms, half of which is left to the two: 2 x 10 / 1200 = 0.0167 at HZ=100, "
               "0.0067 at HZ=250; 0.02. normal: a fifth of its 0.50 (where others than the three "
               "run "
               "there, of its weight's part if that is less) for wake-ups that come a tick late. "
               "Alone: with a hog that never waits the CPU has no reason to be idle, but "
               "/proc/stat counts in steps of 10 ms, 0.0125 of 800; 0.02. What interrupts and "
               "other tasks take of the CPU is not idle.",
           .control = "cpu.weight 1 instead of cpu.idle: batch gets as much as least, 0.50, so the "
                      "check must fail."},
      .measure = MeasureIdleYields};
}

}  // namespace nodeproof::conformance
