// Quotas that are saved up, and what the kernel counts of throttling: a victim that runs until it
// is throttled knows both.
#include <cerrno>
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/cgroup/knobs.h"
#include "harness/measure/estimate.h"
#include "harness/probe/quota_runs.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

double Usec(Nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

// The change of a victim's totals from window to window.
class RunsMeter {
 public:
  explicit RunsMeter(const probe::QuotaRuns& runs) : runs_(runs), last_(runs.Read()) {}
  probe::QuotaRuns::Totals Lap() {
    const probe::QuotaRuns::Totals now = runs_.Read();
    const probe::QuotaRuns::Totals last = std::exchange(last_, now);
    return {now.cycles - last.cycles, now.first_runs - last.first_runs,
            now.second_runs - last.second_runs, now.throttled - last.throttled};
  }

 private:
  const probe::QuotaRuns& runs_;
  probe::QuotaRuns::Totals last_;
};

// burstable ── pod ── main  cpu.max 40000 100000, cpu.max.burst 30000
//
//   refill           refill           refill           refill
//   |-- sleeps 105 ms ----#############...|##########......|     the victim, on CPU N
//                         40 + 30 ms         40 ms
Result<results::Arm> MeasureBurst(ArmContext& context) {
  constexpr Milliseconds kCycle{300};
  if (!context.environment().capsule->group().Has("cpu.max.burst")) {
    return Unsupported("the kernel has no cpu.max.burst (it came with Linux 5.14)");
  }
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpu.max.burst",
                    is_protected ? "30000" : "0", "set by the claim");
  };
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, {LimitedPod("400m")}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kStall));
  probe::QuotaRuns victim = TRY(probe::QuotaRuns::Start({.group = &group,
                                                         .affinity = CpuSet{context.QuietCpu()},
                                                         .rest = Milliseconds(105),
                                                         .runs = 2,
                                                         .most = kPeriod}));
  TRY(victim.AwaitAligned(context.patience()));

  QuotaMeter meter(group, *stalls, kStall, is_protected);
  RunsMeter runs(victim);
  int64_t cycles = 0;
  const auto close = [&](Seconds) -> Result<measure::Window> {
    QuotaMeter::Change change = TRY(meter.Close());
    const probe::QuotaRuns::Totals lap = runs.Lap();
    if (lap.cycles == 0) change.disturbance = "no cycle of the victim ended in it";
    if (change.disturbance) return measure::Window{{}, change.disturbance};
    cycles += lap.cycles;
    const auto count = static_cast<double>(lap.cycles);
    return measure::Window{{Usec(lap.first_runs) / count, Usec(lap.second_runs) / count,
                            static_cast<double>(change.stat.burst.count()) / count},
                           std::nullopt};
  };
  const auto open = [&]() -> Status {
    runs.Lap();
    return meter.Open();
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kCycle,
      {{"CPU time at once, with what was saved", {70'000, Relation::kWithin, 2000, "usec"}},
       {"CPU time in the period after it", {40'000, Relation::kWithin, 2000, "usec"}},
       {"burst_usec a cycle", {30'000, Relation::kWithin, 2000, "usec"}}},
      open, close));
  results::Arm arm;
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  if (is_protected) {
    const auto more = cgroup::SetKnob(group, "cpu.max.burst", "40001");
    const bool refused = !more && more.error().code == EINVAL;
    if (!more && !refused) return std::unexpected(more.error());
    arm.checks.push_back(measure::ExactCheck("a burst above the quota is taken",
                                             {0, Relation::kAtMost, 0, "count"}, refused ? 0 : 1));
  }
  arm.load = {{"victim", "cycles", 8, static_cast<double>(cycles)}};
  arm.description = is_protected ? "cpu.max.burst 30000" : "cpu.max.burst 0";
  TellTree(arm, tree);
  return arm;
}

// burstable ── pod ── main  cpu.max 50000 100000
//
//   refill           refill           refill
//   |-- sleeps 110 ms ----##########......|     the victim, on CPU N
Result<results::Arm> MeasureCounters(ArmContext& context) {
  constexpr Nanoseconds kRest = Milliseconds(110);
  constexpr Milliseconds kCycle{200};
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpu.max", "max 100000", "no limit");
  };
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, {LimitedPod("500m")}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kStall));
  probe::QuotaRuns victim = TRY(probe::QuotaRuns::Start({.group = &group,
                                                         .affinity = CpuSet{context.QuietCpu()},
                                                         .rest = kRest,
                                                         .most = kPeriod * 9 / 10}));
  TRY(victim.AwaitAligned(context.patience()));
  // A window begins and ends while the victim sleeps, half a period after its refill.
  context.clock().WaitUntil(context.clock().Now() + Nanoseconds(kPeriod) / 2);

  QuotaMeter meter(group, *stalls, kStall, is_protected);
  RunsMeter runs(victim);
  int64_t cycles = 0;
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    QuotaMeter::Change change = TRY(meter.Close());
    const probe::QuotaRuns::Totals lap = runs.Lap();
    if (!change.disturbance) cycles += lap.cycles;
    const double in_window = wall / Seconds(kCycle);
    return measure::Window{
        {static_cast<double>(change.stat.nr_throttled) / in_window,
         static_cast<double>(change.stat.nr_periods) / in_window,
         static_cast<double>(change.stat.throttled.count()) / in_window,
         (static_cast<double>(change.stat.throttled.count()) - Usec(lap.throttled)) / in_window},
        change.disturbance};
  };
  const auto open = [&]() -> Status {
    runs.Lap();
    return meter.Open();
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kCycle,
      {{"nr_throttled a cycle", {1, Relation::kWithin, 0.1, "count"}},
       {"nr_periods a cycle", {2, Relation::kWithin, 0.2, "count"}},
       {"throttled_usec a cycle", {40'000, Relation::kWithin, 2000, "usec"}},
       {"throttled_usec beyond what the victim saw", {0, Relation::kWithin, 2000, "usec"}}},
      open, close));
  results::Arm arm;
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  arm.load = {{"victim", "cycles", 4, static_cast<double>(cycles)}};
  arm.description = is_protected ? "cpu.max 50000 100000" : "cpu.max max";
  TellTree(arm, tree);
  return arm;
}

}  // namespace

Claim CpuMaxBurst() {
  return {
      .id = "cpu.max.burst",
      .statement =
          "cpu.max.burst lets a group use quota that it saved, up to that much, once, and "
          "cannot be larger than the quota.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.max.burst\"; kernel/sched/fair.c, "
          "__refill_cfs_bandwidth_runtime; Linux 5.14",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod ── main  cpu.max 40000 100000, cpu.max.burst 30000",
           .load = "A victim, pinned to the highest-numbered CPU, that sleeps for a period, then "
                   "runs until it is throttled, twice. It is thrown off and comes back with the "
                   "refills, so it knows when they are.",
           .expected = "The first run holds 40 + 30 = 70 ms of CPU time, the next 40: 150 ms at "
                       "most in three periods of 40 + ... = 120 ms and the 30 that were saved "
                       "before. The kernel counts 30 ms of burst. A burst of 40001 is EINVAL.",
           .tolerance =
               "The victim asks for its CPU time every 0.5 ms, which makes the kernel look at its "
               "runtime; with a round of the refill timer 1 ms, twice that for both ends of a run. "
               "Windows in which the node stood still for 10 ms are discarded and counted.",
           .control = "cpu.max.burst 0: the first run holds 40 ms too."},
      .measure = MeasureBurst};
}

Claim CpuMaxThrottleCounters() {
  return {
      .id = "cpu.max.throttle-counters",
      .statement =
          "nr_periods, nr_throttled and throttled_usec tell what happened to a group: "
          "every period, every throttled one, and the time that its thread stood still.",
      .source = "Documentation/scheduler/sched-bwc.rst, \"Statistics\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod ── main  cpu.max 50000 100000 (limit 500m)",
           .load =
               "A victim, pinned to the highest-numbered CPU, that sleeps from a refill for 110 "
               "ms, then runs until it is throttled: in a cycle of two periods it runs from 110 "
               "to 160 ms and is throttled until 200 ms.",
           .expected = "In each cycle nr_periods grows by 2, nr_throttled by 1 and throttled_usec "
                       "by 40 ms, which is what the victim saw pass.",
           .tolerance =
               "The victim asks for its CPU time every 0.5 ms, which makes the kernel look at its "
               "runtime: with its wake-up and the refill timer less than 2 ms of 40. Counts: a "
               "tenth, for an event on the other side of an edge in one of ten windows. Windows in "
               "which the node stood still for 10 ms are discarded and counted.",
           .control = "No limit: nothing is counted."},
      .measure = MeasureCounters};
}

}  // namespace nodeproof::conformance
