// cpu.max: the ceiling on a group's CPU time, and that it binds nobody who stays below it.
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/measure/estimate.h"
#include "harness/probe/budget_user.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// Within the budget: the load works between 25 ms after a refill and 25 ms before the next, so that
// a refill, a wake-up or a reading may come late by so much. Of its 50 ms it may use 49: two more
// than its 47, for what a CPU that stands still as it stops charges it.
constexpr Nanoseconds kBudgetGap = Milliseconds(25);
constexpr Nanoseconds kBudget = Milliseconds(49);

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
  // On every CPU: the timer that refills the quota may sit on another one than the hog.
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  const auto hogs = TRY(StartHogs(context, group, "hog", CpuSet{context.QuietCpu()}));
  SpentQuotaChecks spent = TRY(MeasureSpentQuota(
      context, *stalls, {.name = "CPUs used", .group = &group, .quota = kPeriod / 2}));

  results::Arm arm;
  arm.description = is_protected ? "cpu.max 50000 100000" : "cpu.max max";
  Take(arm, spent);
  InCpus(arm.checks.front(), kPeriod);
  arm.checks.push_back(measure::ExactCheck(
      "throttled periods", {1, Relation::kWithin, 0.05, "ratio"}, spent.throttled_periods));
  // A node that is too busy to tell what the hog got kept it from its quota too.
  if (spent.used.finding == results::Finding::kUnclear) {
    arm.checks.back().finding = results::Finding::kUnclear;
  }
  arm.load.push_back(WorkProof(hogs));
  TellTree(arm, tree);
  return arm;
}

// pod ── main  cpu.max 50000 100000   a load that uses 47 ms of CPU N in each period
//
//   refill              refill              refill
//   |    ##########     |    ##########     |
Result<results::Arm> MeasureWithinBudget(ArmContext& context) {
  constexpr Nanoseconds kUse = Milliseconds(47);
  const bool is_protected = context.Protected();
  const Nanoseconds quota = Milliseconds(is_protected ? 50 : 40);
  const capsule::Tree tree = TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {},
                                               {LimitedPod(is_protected ? "500m" : "400m")}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  probe::BudgetUser load = TRY(probe::BudgetUser::Start({.group = &group,
                                                         .affinity = CpuSet{context.QuietCpu()},
                                                         .period = kPeriod,
                                                         .quota = quota,
                                                         .use = kUse,
                                                         .gap = kBudgetGap}));
  TRY(load.AwaitAligned(context.patience()));

  // Windows are periods: read in the gap that the load leaves after each refill.
  const Clock& clock = context.clock();
  const auto next_reading = [&] {
    const Nanoseconds at = load.Refill() + kBudgetGap / 2;
    return at + ((clock.Now() - at) / Nanoseconds(kPeriod) + 1) * Nanoseconds(kPeriod);
  };
  QuotaMeter meter(group, *stalls, kBudgetGap, is_protected);
  LoadSum sum;
  int64_t worked = 0;
  const auto open = [&]() -> Status {
    clock.WaitUntil(next_reading());
    load.TakePeak();
    worked = load.Periods();
    return meter.Open();
  };
  int64_t periods = 0;
  const auto close = [&](Seconds) -> Result<measure::Window> {
    const Nanoseconds at = next_reading();
    clock.WaitUntil(at);
    const Nanoseconds late = clock.Now() - at;
    QuotaMeter::Change change = TRY(meter.Close());
    const bool ended = load.LastEnded() == at - kBudgetGap / 2 - Nanoseconds(kPeriod);
    const Nanoseconds peak = load.TakePeak();
    const int64_t worked_now = load.Periods();
    if (is_protected) {
      const bool throttled = change.stat.nr_throttled > 0 || change.stat.throttled.count() > 0;
      // None of these can hide that a group is throttled, so a period without it counts.
      if (!ended) change.disturbance = "the load had not come to the end of the period";
      if (peak > kBudget) change.disturbance = "the load itself was charged more than its budget";
      if (late > kBudgetGap / 2) change.disturbance = "it was read too late to tell two periods";
      if (!throttled) change.disturbance.reset();
      // Who is throttled too early does not get to its use either, and that is no excuse where the
      // CPU was there all the time.
      if (worked_now == worked && (!throttled || change.stall > kWatch)) {
        change.disturbance = "the load did not get to its use in time";
      }
    }
    if (!change.disturbance) ++periods;
    worked = worked_now;
    sum.Add(change, kPeriod);
    return measure::Window{{static_cast<double>(change.stat.nr_throttled),
                            static_cast<double>(change.stat.throttled.count())},
                           change.disturbance};
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      Milliseconds(1),
      {{"throttled periods in a window", {0, Relation::kAtMost, 0, "count"}, kNeverWindows},
       {"throttled time in a window", {0, Relation::kAtMost, 0, "usec"}, kNeverWindows}},
      open, close));

  results::Arm arm;
  arm.description = is_protected ? "47 ms a period under a quota of 50" : "47 ms under 40";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  // The load has to come near the limit to say anything: four fifths of its 0.47, where it repaid
  // what it was charged before; under the control's 0.40 nine tenths of that.
  arm.load = {sum.Proof("load", is_protected ? 0.38 : 0.36), PeriodsProof(sum, kPeriod)};
  if (is_protected) {
    arm.load.push_back({"load", "periods", 1, static_cast<double>(periods)});
  }
  return arm;
}

}  // namespace

Claim CpuMaxCeiling() {
  return {.id = "cpu.max.ceiling",
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
               .expected = "In each period usage_usec grows by 50 ms, 0.50 CPU; nr_throttled / "
                           "nr_periods is 1.",
               .tolerance =
                   std::string(kSpentQuotaTolerance) +
                   " Throttled periods: nr_periods and nr_throttled grow together at a refill, "
                   "and readings are a quarter of a period away from it; half of a tenth. A "
                   "period in which the node stood still for 20 ms, or others had what the hog "
                   "lacks of its quota, does not count.",
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
          {.tree = "kubepods ── burstable ── pod ─┬─ main  cpu.max 50000 100000 (limit 500m)\n"
                   "                              └─ idle  (no limit, so the pod has no quota)",
           .load =
               "A load in main that uses 47 ms of the highest-numbered CPU in each period, from "
               "25 ms after the refill on, metered by its own CPU time. It learns when the "
               "refills are by being throttled before it begins.",
           .expected = "nr_throttled and throttled_usec do not grow at all.",
           .tolerance =
               "None: a single throttled period is one too many; 18 periods without one leave at "
               "most one in four or five possible (99 %). A period is discarded and counted when "
               "the load could not reach 47 ms in time, unless it was throttled and the node never "
               "stood still for 5 ms; one with throttling also when "
               "the load's own CPU time exceeded 49 ms (a held-up CPU charges it more than it "
               "worked) or it had not come to its end when read, or the node stood still for 25 ms "
               "or "
               "the reader for half of that: then it is not sure what belongs to it.",
           .control = "The same load under a limit of 400m: it is throttled."},
      .measure = MeasureWithinBudget};
}

}  // namespace nodeproof::conformance
