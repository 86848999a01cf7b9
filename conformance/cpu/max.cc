// cpu.max: the ceiling on a group's CPU time, and that it binds nobody who stays below it.
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// Five periods, so that a window's phase against the periods does not matter.
constexpr Milliseconds kWindow{500};
// Within the budget, 3 % of a period must outweigh what a host's scheduler takes from a VM at a
// time (some milliseconds): 30 ms of the longest period there is, 1 s. A window is a period. Of
// these 30 ms a held-up CPU may charge the load 12 ms beyond its 470 ms, and a refill that is
// kLongStall late, and one wake-up of the stall monitor more, lets it use 0.47 x 30 = 14 ms more.
constexpr Milliseconds kLongPeriod{1000};
constexpr Nanoseconds kLongBudget = Milliseconds(482);
constexpr Nanoseconds kLongStall = Milliseconds(20);
// Returns when the hog has worked again, and so has told its peak: at the latest after a period,
// for a hog that is throttled now.
void AwaitWork(const Clock& clock, const stress::CpuHog& hog) {
  const uint64_t before = hog.Work();
  const Nanoseconds deadline = clock.Now() + kLongPeriod;
  while (hog.Work() == before && clock.Now() < deadline) {
    clock.WaitUntil(clock.Now() + Milliseconds(1));
  }
}

// pod ── main  cpu.max 50000 100000    one hog, pinned to CPU N
Result<results::Arm> MeasureCeiling(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpu.max", "max 100000", "no limit");
  };
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, {LimitedPod("500m")}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const CpuSet cpu{context.QuietCpu()};
  // On every CPU: the timer that refills the quota may sit on another one than the hog.
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kStall));
  stress::CpuHog hog = TRY(stress::CpuHog::Start({.group = &group, .affinity = cpu}));
  TRY(hog.AwaitReady(context.patience()));

  QuotaMeter meter(group, *stalls, kStall, is_protected);
  LoadSum load;
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    const QuotaMeter::Change change = TRY(meter.Close());
    load.Add(change, wall);
    const double periods = static_cast<double>(change.stat.nr_periods);
    const double throttled = static_cast<double>(change.stat.nr_throttled);
    return measure::Window{{Cpus(change.stat, wall), periods > 0 ? throttled / periods : 0},
                           change.disturbance};
  };
  // The first period carries a full slice of burst: it is over before the first window opens.
  context.clock().WaitUntil(context.clock().Now() + 2 * kPeriod);
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kWindow,
      {{"CPUs used", {0.5, Relation::kWithin, 0.02, "cpus"}},
       {"throttled periods", {1, Relation::kWithin, 0.1, "ratio"}}},
      [&] { return meter.Open(); }, close));

  results::Arm arm;
  arm.description = is_protected ? "cpu.max 50000 100000" : "cpu.max max";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  // Nine tenths of what the quota allows; a hog that got less was not a hog.
  arm.load = {{"hog", "rounds", 1, static_cast<double>(hog.Work())}, load.Proof("hog", 0.9 * 0.5)};
  if (is_protected) arm.load.push_back(PeriodsProof(load, kPeriod));
  return arm;
}

// pod ── main  cpu.max 500000 1000000   a load that uses 47 % of CPU N
Result<results::Arm> MeasureWithinBudget(ArmContext& context) {
  constexpr double kDuty = 0.47;
  const bool is_protected = context.Protected();
  kubelet::KubeletConfiguration config;
  config.cpu_cfs_quota_period = kLongPeriod;
  const capsule::Tree tree = TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), config,
                                               {LimitedPod(is_protected ? "500m" : "400m")}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const CpuSet cpu{context.QuietCpu()};
  // On every CPU: the timer that refills the quota may sit on another one than the hog.
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kStall));
  stress::CpuHog hog = TRY(stress::CpuHog::Start({.name = "duty-load",
                                                  .group = &group,
                                                  .affinity = cpu,
                                                  .duty = kDuty,
                                                  .meter = kLongPeriod}));
  TRY(hog.AwaitReady(context.patience()));

  QuotaMeter meter(group, *stalls, kLongStall, is_protected);
  LoadSum load;
  // The load must keep its side: what a held-up CPU charged it beyond the budget is its own excess,
  // and the kernel is right to throttle it, then or at the start of the next window.
  bool disturbed_before = false;
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    QuotaMeter::Change change = TRY(meter.Close());
    AwaitWork(context.clock(), hog);
    const bool excess = is_protected && hog.TakePeak() > kLongBudget;
    if (excess) change.disturbance = "the load itself used more than its budget in one period";
    const bool disturbed = change.disturbance.has_value();
    if (std::exchange(disturbed_before, disturbed) && !disturbed) {
      change.disturbance = "the window before was disturbed, and its period reaches into this one";
    }
    load.Add(change, wall);
    return measure::Window{{static_cast<double>(change.stat.nr_throttled),
                            static_cast<double>(change.stat.throttled.count())},
                           change.disturbance};
  };
  const auto open = [&]() -> Status {
    disturbed_before = is_protected && hog.TakePeak() > kLongBudget;
    return meter.Open();
  };
  context.clock().WaitUntil(context.clock().Now() + 2 * kLongPeriod);
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kLongPeriod,
      {{"throttled periods in a window", {0, Relation::kAtMost, 0, "count"}, kNeverWindows},
       {"throttled time in a window", {0, Relation::kAtMost, 0, "usec"}, kNeverWindows}},
      open, close));

  results::Arm arm;
  arm.description = is_protected ? "47 % load under a quota of 50 %" : "47 % load under 40 %";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  // The load has to come near the limit to say anything: on a node that wakes it late, at least
  // four fifths of the quota; under the control's 0.40, all that is left but one part in ten.
  arm.load = {load.Proof("load", is_protected ? 0.40 : 0.36), PeriodsProof(load, kLongPeriod)};
  return arm;
}

}  // namespace

Claim CpuMaxCeiling() {
  return {
      .id = "cpu.max.ceiling",
      .statement =
          "A group that wants a whole CPU under a quota of half a CPU gets half, and is "
          "throttled once in every period.",
      .source =
          "Documentation/scheduler/sched-bwc.rst; Documentation/admin-guide/cgroup-v2.rst, "
          "\"cpu.max\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ── burstable ── pod ─┬─ main  cpu.max 50000 100000 (limit 500m)\n"
                   "                              └─ idle  (no limit, so the pod has no quota)",
           .load = "One CPU hog in main, pinned to the highest-numbered CPU.",
           .expected = "usage_usec grows by 0.50 CPU; nr_throttled / nr_periods is 1.",
           .tolerance =
               "CPUs: at each edge of a 500 ms window the group may be uncharged for a tick (4 ms) "
               "or hold a slice not yet used (5 ms, sched_cfs_bandwidth_slice_us), which the next "
               "period repays: (4 + 5) / 500 = 0.018, rounded up to 0.02. Throttled periods: one "
               "event of the five in a window may fall on the other side of an edge at either end; "
               "over neighbouring windows these cancel, and half of one event, 0.5 / 5 = 0.1, "
               "remains for the two ends of the series. Windows in which the node itself stood "
               "still for 10 ms (a tenth of a period) are discarded and counted: the evidence "
               "comes from real-time threads outside the capsule.",
           .control = "cpu.max max: the hog gets 1.0 CPU and is never throttled."},
      .measure = MeasureCeiling};
}

Claim CpuMaxWithinBudget() {
  return {
      .id = "cpu.max.within-budget",
      .statement = "A group that stays below its quota in every period is never throttled.",
      .source = "Documentation/scheduler/sched-bwc.rst",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ── burstable ── pod ─┬─ main  cpu.max 500000 1000000 (limit 500m)\n"
                   "                              └─ idle  (no limit, so the pod has no quota)",
           .load = "A load in main that uses 47 % of the highest-numbered CPU in phases of 2 ms, "
                   "metered by its own CPU time.",
           .expected = "nr_throttled and throttled_usec do not grow at all.",
           .tolerance =
               "None: a single throttled period is one too many; 18 periods without one leave at "
               "most one in four or five possible (99 %). Windows of a period in which the load's "
               "own CPU time exceeded 482 ms in some second (a held-up CPU charges it more than it "
               "worked), or in which the node stood still for 20 ms (a refill that late makes "
               "another period), and the window after such a one are discarded and counted.",
           .control = "The same load under a limit of 400m: it is throttled."},
      .arm_budget = Seconds(40),
      .measure = MeasureWithinBudget};
}

}  // namespace nodeproof::conformance
