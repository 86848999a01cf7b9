// usage_usec of cpu.stat beside the clock on the wall: a task that runs is charged for all of it.
#include <utility>

#include "conformance/arm_context.h"
#include "conformance/cpu/cpu_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/moves.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/measure/idle_time.h"
#include "harness/probe/wait_meter.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Milliseconds kWindow{400};
// Of a window, by which the kernel's accounts may differ from the clock: two ticks of 4 ms by which
// a running task's account lags, at either end, and what the kernel does between two tasks.
constexpr double kTolerance = 0.05;
// What interrupts and a hypervisor may take of a window that counts. Some kernels charge a task for
// its interrupts, some do not (CONFIG_IRQ_TIME_ACCOUNTING).
constexpr Nanoseconds kMostTaken = Milliseconds(10);

// besteffort ── pod ─┬─ watched   a task that always wants CPU N, alone or not
//                    └─ other     (control arm: it is here)
Result<results::Arm> MeasureWall(ArmContext& context) {
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {},
                        {MakePod("pod", {{.name = "main"}, {.name = "other"}})}));
  const bool is_protected = context.Protected();
  const int cpu = context.QuietCpu();
  probe::WaitMeter hog = TRY(
      probe::WaitMeter::Start({.name = "hog",
                               .group = TRY(tree.Container("pod", is_protected ? "main" : "other")),
                               .affinity = CpuSet{cpu}}));
  TRY(hog.AwaitReady(context.patience()));
  const OffCpu elsewhere(cpu);

  struct Level {
    PodLevel of;
    Microseconds usage{0};
  };
  std::vector<Level> levels;
  std::vector<measure::Quantity> quantities;
  for (PodLevel& level : TRY(LevelsOf(tree, "pod", "besteffort"))) {
    quantities.push_back(
        {fmt::format("part of the time that {} was charged for, or its task waited", level.name),
         {1, Relation::kWithin, kTolerance, "ratio"}});
    levels.push_back({std::move(level)});
  }
  Nanoseconds waited{0}, taken_by_others{0};
  const auto look = [&]() -> Result<measure::Window> {
    measure::Window used;
    for (Level& level : levels) {
      const Microseconds now = TRY(cgroup::ReadCpuStat(*level.of.group)).usage;
      used.samples.push_back(Seconds(now - std::exchange(level.usage, now)).count());
    }
    const Nanoseconds waited_now = hog.Waited();
    const double delay = Seconds(waited_now - std::exchange(waited, waited_now)).count();
    for (double& sample : used.samples) sample += delay;
    const Nanoseconds taken_now = TRY(measure::TakenTime(cpu));
    const Nanoseconds taken = taken_now - std::exchange(taken_by_others, taken_now);
    if (taken > kMostTaken) {
      used.disturbance =
          fmt::format("interrupts or a hypervisor took {} of CPU {}", FormatDuration(taken), cpu);
    }
    return used;
  };
  const auto open = [&]() -> Status {
    TRY(look());
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    measure::Window window = TRY(look());
    for (double& sample : window.samples) sample /= wall.count();
    return window;
  };
  const uint64_t rounds = hog.Rounds();
  measure::WindowedChecks taken = TRY(context.TakeWindows(kWindow, quantities, open, close));
  results::Arm arm =
      DescribedArm(tree, is_protected ? "the task is in the container" : "the task is in another");
  arm.checks = std::move(taken.checks);
  arm.notes.insert(arm.notes.end(), taken.notes.begin(), taken.notes.end());
  arm.load = {{"hog", "rounds", 1, static_cast<double>(hog.Rounds() - rounds)}};
  return arm;
}

}  // namespace

Claim CpuStatWall() {
  return {
      .id = "cpu.stat.wall-clock",
      .statement =
          "usage_usec of cpu.stat is all of the time that a group's task had its CPU, by the clock "
          "on the wall, at every level of the tree.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.stat\"; kernel/sched/fair.c, "
          "update_curr(); kernel/cgroup/rstat.c, cgroup_base_stat_cputime_show()",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "besteffort ── pod ─┬─ main\n"
                   "                   └─ other",
           .load = "In main a task spins on the highest-numbered CPU and notes how long it waited "
                   "for that CPU (/proc/self/schedstat).",
           .expected = "What main, the pod, besteffort and kubepods are charged for and what the "
                       "task waited add up to the time that passed (CLOCK_MONOTONIC).",
           .tolerance = "0.05 of windows of 400 ms: at either end an account lags by a tick of 4 "
                        "ms at the most, and switching tasks is nobody's time. Windows in which "
                        "interrupts and a hypervisor took more than 10 ms by /proc/stat do not "
                        "count, because kernels differ in whom they charge for that.",
           .control = "The task is in other: main is charged for nothing."},
      .measure = MeasureWall};
}

}  // namespace nodeproof::conformance
