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
// What interrupts and a hypervisor may take of a window that counts. Some kernels charge a task for
// its interrupts, some do not (CONFIG_IRQ_TIME_ACCOUNTING).
constexpr Nanoseconds kMostTaken = Milliseconds(10);
// By which a running task's account lags at either end of a window: a tick, at HZ=100.
constexpr Nanoseconds kLag = Milliseconds(10);
// Of a window, by which the kernel's accounts may differ from the clock.
constexpr double kTolerance = 1.0 * (kMostTaken + kLag) / kWindow;
static_assert(kTolerance == 0.05);

struct Reading {
  Nanoseconds at;
  Microseconds usage;
};

// What a group was charged for so far, and when that was. The deterministic lane lets one CPU run
// at a time, for up to 100 ms, so that time may pass between any two steps of this thread: a
// reading that took long is taken again.
Result<Reading> ReadAtOnce(const Clock& clock, const cgroup::Cgroup& group) {
  constexpr Nanoseconds kLong = Milliseconds(10);
  constexpr int kTries = 20;
  Reading reading{};
  for (int i = 0; i < kTries; ++i) {
    const Nanoseconds before = clock.Now();
    reading.usage = TRY(cgroup::ReadCpuStat(group)).usage;
    reading.at = clock.Now();
    if (reading.at - before < kLong) break;
  }
  return reading;
}

// besteffort ── pod ─┬─ main      a task that always wants CPU N
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
    Nanoseconds read{0};  // when
    Nanoseconds waited{0};
  };
  std::vector<Level> levels;
  std::vector<measure::Quantity> quantities;
  for (PodLevel& level : TRY(LevelsOf(tree, "pod", "besteffort"))) {
    quantities.push_back(
        {fmt::format("part of the time that {} was charged for, or its task waited", level.name),
         {1, Relation::kWithin, kTolerance, "ratio"}});
    levels.push_back({std::move(level)});
  }
  Nanoseconds taken{0};
  const auto look = [&]() -> Result<measure::Window> {
    measure::Window window;
    for (Level& level : levels) {
      const auto [now, usage] = TRY(ReadAtOnce(context.clock(), *level.of.group));
      const Nanoseconds waited = hog.Waited();
      const Nanoseconds accounted =
          usage - std::exchange(level.usage, usage) + waited - std::exchange(level.waited, waited);
      window.samples.push_back(Seconds(accounted) / Seconds(now - std::exchange(level.read, now)));
    }
    const Nanoseconds taken_now = TRY(measure::TakenTime(cpu));
    const Nanoseconds taken_here = taken_now - std::exchange(taken, taken_now);
    if (taken_here > kMostTaken) {
      window.disturbance = fmt::format("interrupts or a hypervisor took {} of CPU {}",
                                       FormatDuration(taken_here), cpu);
    }
    return window;
  };
  const auto open = [&]() -> Status {
    TRY(look());
    return {};
  };
  const auto close = [&](Seconds) { return look(); };
  const uint64_t rounds = hog.Rounds();
  // In the deterministic lane the hog's CPU stood still while this one was at work, and is charged
  // for that when it runs again.
  context.clock().WaitUntil(context.clock().Now() + kWindow / 4);
  measure::WindowedChecks windows = TRY(context.TakeWindows(kWindow, quantities, open, close));
  results::Arm arm =
      DescribedArm(tree, is_protected ? "the task is in the container" : "the task is in another");
  arm.checks = std::move(windows.checks);
  arm.notes.insert(arm.notes.end(), windows.notes.begin(), windows.notes.end());
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
           .tolerance = "0.05 = 20 ms of windows of 400 ms: an account lags by a tick at the most "
                        "at either end (10 ms at HZ=100), and up to 10 ms of interrupts and of a "
                        "hypervisor's may be charged to nobody. Windows in which those took more "
                        "by /proc/stat do not count, because kernels differ in whom they charge.",
           .control = "The task is in other: main is charged for nothing."},
      .measure = MeasureWall};
}

}  // namespace nodeproof::conformance
