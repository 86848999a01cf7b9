// Quotas that are saved up, and what the kernel counts of throttling: a victim that runs until it
// is throttled knows both.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "conformance/moves.h"
#include "harness/cgroup/knobs.h"
#include "harness/measure/estimate.h"
#include "harness/probe/quota_runs.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

double Usec(Nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

// A run of the victim that tells what the kernel gave it: it began in time, others took little from
// it, and it ended while its CPU was there.
std::optional<std::string> Blemish(const probe::QuotaRuns::Run& run, Nanoseconds lap,
                                   Nanoseconds slack) {
  if (run.throttled == Nanoseconds(0)) return std::nullopt;  // nothing excuses a run without end
  if (run.late + run.lost > slack) return "the victim came late";
  if (!run.Clean(lap)) return "the CPU stood still as a run ended";
  return std::nullopt;
}

// burstable ── pod ── main  cpu.max 40000 100000, cpu.max.burst 30000
//
//   refill           refill           refill           refill
//   |-- sleeps 102 ms ---#############....|##########......|     the victim, on CPU N
//                         40 + 30 ms         40 ms
Result<results::Arm> MeasureBurst(ArmContext& context) {
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
  probe::QuotaRuns victim = TRY(probe::QuotaRuns::Start({.group = &group,
                                                         .affinity = CpuSet{context.QuietCpu()},
                                                         .rest = Milliseconds(102),
                                                         .runs = 2,
                                                         .throttled = Milliseconds(12),
                                                         .most = 2 * kPeriod}));
  const OffCpu elsewhere(context.QuietCpu());
  cgroup::CpuStat last;
  probe::QuotaRuns::Cycle cycle;
  const auto open = [&]() -> Status {
    cycle = TRY(victim.AwaitCycle(1, context.patience()));
    last = TRY(cgroup::ReadCpuStat(group));
    return {};
  };
  // A window is a cycle of the victim.
  const auto close = [&](Seconds) -> Result<measure::Window> {
    const probe::QuotaRuns::Cycle before = cycle;
    cycle = TRY(victim.AwaitCycle(before.number, context.patience()));
    const cgroup::CpuStat now = TRY(cgroup::ReadCpuStat(group));
    const cgroup::CpuStat change = now - std::exchange(last, now);
    if (cycle.number != before.number + 1) return measure::Window{{}, "it was read too late"};
    // What the cycle before owes at its end is missing from what is saved: 40 + 40 - 8 > 70.
    if (before.second.last_lap > Milliseconds(8)) {
      return measure::Window{{}, "the CPU stood still as the run before ended"};
    }
    auto blemish = Blemish(cycle.first, victim.lap(), Milliseconds(10));
    if (!blemish) blemish = Blemish(cycle.second, victim.lap(), Milliseconds(40));
    return measure::Window{{Usec(cycle.first.charged), Usec(cycle.second.charged),
                            static_cast<double>(change.burst.count())},
                           blemish};
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      Milliseconds(1),
      {{"CPU time at once, with what was saved", {71'000, Relation::kWithin, 2000, "usec"}},
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
  arm.load = {{"victim", "cycles", 1, static_cast<double>(cycle.number)}};
  arm.description = is_protected ? "cpu.max.burst 30000" : "cpu.max.burst 0";
  TellTree(arm, tree);
  return arm;
}

// Cycles of the victim until a counter that misses every tenth event has missed two of them.
constexpr int kLeastCycles = 27;

// A run of a quota of 50 ms that was charged this much owes nearly all of the next refill: it may
// be throttled again before it sleeps. Only a CPU that stood still under it has it charged so.
constexpr Nanoseconds kMostCharged = Milliseconds(90);

// A counter over all cycles together: a miss now and then, which no cycle by itself decides.
results::Check SumCheck(std::string name, int64_t counted, int64_t passed, int64_t cycles) {
  results::Check check{std::move(name), {1, Relation::kWithin, 0.05, "ratio"}, {}};
  if (passed == 0) return check;
  check.measured = measure::Exact(static_cast<double>(counted) / static_cast<double>(passed));
  if (cycles >= kLeastCycles) check.finding = measure::Judge(check.expected, check.measured);
  return check;
}

// CPU time of a process by its own clock, and by usage_usec of its group and of those above.
class UsageMeter {
 public:
  UsageMeter(probe::QuotaRuns& process, std::vector<PodLevel> levels)
      : process_(process), levels_(std::move(levels)), last_(levels_.size()) {}

  // What each group counted since the last call beyond the clock, in microseconds. The clock is
  // read first: that has the kernel charge what runs, to the groups too.
  Result<std::vector<double>> Excess() {
    const Nanoseconds clock = TRY(process_.CpuTime());
    std::vector<double> excess;
    for (size_t i = 0; i < levels_.size(); ++i) {
      const Nanoseconds beyond = TRY(cgroup::ReadCpuStat(*levels_[i].group)).usage - clock;
      excess.push_back(Usec(beyond - std::exchange(last_[i], beyond)));
    }
    return excess;
  }

 private:
  probe::QuotaRuns& process_;
  std::vector<PodLevel> levels_;
  std::vector<Nanoseconds> last_;
};

// burstable ── pod ── main  cpu.max 50000 100000
//
//   refill           refill           refill
//   |-- sleeps 110 ms ----##########......|     the victim, on CPU N
Result<results::Arm> MeasureCounters(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpu.max", "max 100000", "no limit");
  };
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, {LimitedPod("500m")}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  probe::QuotaRuns victim = TRY(probe::QuotaRuns::Start({.group = &group,
                                                         .affinity = CpuSet{context.QuietCpu()},
                                                         .rest = Milliseconds(110),
                                                         .throttled = Milliseconds(20),
                                                         .most = 2 * kPeriod}));
  const OffCpu elsewhere(context.QuietCpu());
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod"));
  UsageMeter usage(victim, levels);
  cgroup::CpuStat last;
  probe::QuotaRuns::Cycle cycle;
  Nanoseconds late_before{0};
  int64_t cycles = 0, throttles = 0, periods_counted = 0, periods_passed = 0;
  const auto open = [&]() -> Status {
    cycle = TRY(victim.AwaitCycle(1, context.patience()));
    TRY(usage.Excess());
    last = TRY(cgroup::ReadCpuStat(group));
    late_before = context.clock().Now() - cycle.first.ended;
    return {};
  };
  // A window is a cycle of the victim, read while it sleeps.
  const auto close = [&](Seconds) -> Result<measure::Window> {
    const probe::QuotaRuns::Cycle before = cycle;
    cycle = TRY(victim.AwaitCycle(before.number, context.patience()));
    const std::vector<double> excess = TRY(usage.Excess());
    const cgroup::CpuStat now = TRY(cgroup::ReadCpuStat(group));
    const cgroup::CpuStat change = now - std::exchange(last, now);
    const Nanoseconds late = context.clock().Now() - cycle.first.ended;
    const bool too_late = std::max(late, std::exchange(late_before, late)) > kPeriod / 2;
    if (too_late || cycle.number != before.number + 1) {
      return measure::Window{{}, "it was read too late to tell two cycles"};
    }
    const double periods = (cycle.first.ended - before.first.ended) / Seconds(kPeriod);
    const bool throttled = std::min(before.first.throttled, cycle.first.throttled) > Nanoseconds(0);
    if (throttled && std::abs(periods - std::round(periods)) > 0.2) {
      return measure::Window{{}, "others kept the victim from its CPU at a refill"};
    }
    auto blemish = Blemish(cycle.first, Nanoseconds(kPeriod), Milliseconds(15));
    if (throttled && std::max(before.first.charged, cycle.first.charged) > kMostCharged) {
      blemish = "the CPU stood still under the victim, which owed a whole refill";
    }
    if (!blemish) {
      ++cycles;
      throttles += change.nr_throttled;
      periods_counted += change.nr_periods;
      periods_passed += std::lround(periods);
    }
    measure::Window window{
        {static_cast<double>(change.nr_throttled),
         static_cast<double>(change.nr_periods) - std::round(periods),
         static_cast<double>(change.throttled.count()) - Usec(cycle.first.throttled)},
        blemish};
    window.samples.insert(window.samples.end(), excess.begin(), excess.end());
    return window;
  };
  std::vector<measure::Quantity> quantities = {
      {"nr_throttled a cycle", {1, Relation::kWithin, 0, "count"}, kLeastCycles},
      {"nr_periods a cycle beyond the time that passed", {0, Relation::kWithin, 0, "count"}},
      {"throttled_usec a cycle beyond what the victim saw", {0, Relation::kWithin, 2000, "usec"}}};
  for (const PodLevel& level : levels) {
    quantities.push_back(
        {fmt::format("usage_usec of {} a cycle beyond the victim's CPU clock", level.name),
         {0, Relation::kWithin, 2000, "usec"}});
  }
  measure::WindowedChecks taken =
      TRY(context.TakeWindows(Milliseconds(1), quantities, open, close));
  results::Arm arm;
  arm.checks = std::move(taken.checks);
  arm.checks.push_back(SumCheck("nr_throttled of all cycles, for each", throttles, cycles, cycles));
  arm.checks.push_back(SumCheck("nr_periods of all cycles, for each period that passed",
                                periods_counted, periods_passed, cycles));
  arm.notes = std::move(taken.notes);
  arm.load = {{"victim", "cycles", 1, static_cast<double>(cycle.number)}};
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
           .expected = "The first run holds 40 + 30 ms of CPU time, and the 1 ms that a CPU keeps "
                       "when a group goes to sleep (min_cfs_rq_runtime); the next holds 40. In "
                       "three periods that is 110 of 120 ms: the mean stays below the quota. The "
                       "kernel counts 30 ms of burst. A burst of 40001 is EINVAL.",
           .tolerance =
               "The victim asks for its CPU time every 0.5 ms, which makes the kernel look at its "
               "quota; a run ends within 1.5 ms of charged time, or its cycle is discarded: then "
               "the CPU stood still under the victim. So are cycles in which it woke late or lost "
               "time to others, 10 ms together. 1.5 ms and 0.5 ms for the first look, 2 ms; a "
               "tenth "
               "of the burst is 3 ms.",
           .control = "cpu.max.burst 0: the first run holds 40 ms too."},
      .measure = MeasureBurst};
}

Claim CpuMaxThrottleCounters() {
  return {
      .id = "cpu.max.throttle-counters",
      .statement =
          "cpu.stat tells what happened to a group: every period, every throttled one, the time "
          "that its thread stood still, and, at every level of the tree, the CPU time that it "
          "used.",
      .source =
          "Documentation/scheduler/sched-bwc.rst, \"Statistics\"; kernel/cgroup/rstat.c, "
          "cgroup_base_stat_cputime_show()",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod ── main  cpu.max 50000 100000 (limit 500m)",
           .load =
               "A victim, pinned to the highest-numbered CPU, that sleeps from a refill for 110 "
               "ms, then runs until it is throttled: in a cycle of two periods it runs from 110 "
               "to 160 ms and is throttled until 200 ms.",
           .expected =
               "In each cycle nr_throttled grows by 1, nr_periods by the periods that "
               "passed (2), and throttled_usec by the time that the victim saw pass without "
               "being charged (40 ms). usage_usec of the container, the pod, its QoS slice and "
               "kubepods grows by what the victim's own CPU clock does (50 ms).",
           .tolerance =
               "Counts: none in a cycle; over 27 cycles or more 0.05 of them, half of a tenth. "
               "Time: "
               "the victim looks every 0.5 ms, on either side of a stall; with its switch and the "
               "refill timer less than 2 ms. usage_usec is read while it sleeps, or is on its way "
               "there, less than 2 ms of the 50, under half of a tenth. Cycles in which the victim "
               "came 15 "
               "ms late or lost its CPU to others at a refill, that were read half a period late, "
               "or "
               "in which it was charged 90 ms (its CPU stood still, and it owes the next refill), "
               "are discarded and counted.",
           .control = "No limit: nothing is counted."},
      .measure = MeasureCounters};
}

}  // namespace nodeproof::conformance
