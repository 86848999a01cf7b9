// cpu.max with several threads: two on one CPU, one on each CPU, many short bursts.
#include <algorithm>
#include <limits>
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/measure/estimate.h"
#include "harness/measure/idle_time.h"
#include "harness/probe/spinner.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// Of one stall of a thread: a tick, and a slice (sched_cfs_bandwidth_slice_us) that one CPU takes
// and another misses.
constexpr Nanoseconds kStallTolerance = kTick + Milliseconds(5);

// burstable ── pod ── main  cpu.max 100000 100000    two hogs, both on CPU N
Result<results::Arm> MeasureTwoInOne(ArmContext& context) {
  constexpr Milliseconds kWindow{400};
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {},
                                               {LimitedPod(is_protected ? "1" : "500m")}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  const CpuSet cpu{context.QuietCpu()};
  auto first = TRY(StartHogs(context, group, "first hog", cpu));
  auto second = TRY(StartHogs(context, group, "second hog", cpu));

  QuotaMeter meter(group, *stalls, kStall, is_protected);
  LoadSum load;
  Nanoseconds first_last{0}, second_last{0}, idle_last{0};
  const auto lap = [](stress::CpuHog& hog, Nanoseconds& last) -> Result<Seconds> {
    const Nanoseconds now = TRY(hog.CpuTime());
    return Seconds(now - std::exchange(last, now));
  };
  const auto open = [&]() -> Status {
    TRY(lap(first.front(), first_last));
    TRY(lap(second.front(), second_last));
    idle_last = TRY(measure::IdleTime(context.QuietCpu()));
    return meter.Open();
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    QuotaMeter::Change change = TRY(meter.Close());
    if (change.stat.throttled.count() == 0) change.disturbance.reset();  // nothing hides throttling
    load.Add(change, wall);
    const Seconds first_used = TRY(lap(first.front(), first_last));
    const Seconds second_used = TRY(lap(second.front(), second_last));
    const Nanoseconds idle_now = TRY(measure::IdleTime(context.QuietCpu()));
    const Seconds idle = idle_now - std::exchange(idle_last, idle_now);
    if (first_used + second_used == Seconds(0)) {
      return measure::Window{{}, "the node stood still: neither hog ran"};
    }
    return measure::Window{{Seconds(change.stat.throttled) / wall,
                            first_used / (first_used + second_used), idle / wall},
                           change.disturbance};
  };
  TRY(AwaitRefill(context.clock(), group, 3 * kPeriod));
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kWindow,
      {{"part of the time throttled", {0, Relation::kAtMost, 0.02, "ratio"}},
       {"share of the first hog", {0.5, Relation::kWithin, 0.02, "ratio"}},
       {"part of the time that the CPU was idle", {0, Relation::kAtMost, 0.02, "ratio"}}},
      open, close));
  results::Arm arm;
  arm.description = is_protected ? "a limit of 1 CPU" : "a limit of 500m";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  arm.load = {WorkProof(first), WorkProof(second), PeriodsProof(load, kPeriod)};
  return arm;
}

// burstable ── pod ── main  cpu.max 0.5 CPUs for each CPU    a victim that spins on each CPU
Result<results::Arm> MeasureMultiThread(ArmContext& context) {
  const bool is_protected = context.Protected();
  const CpuSet contest = context.ContestCpus();
  const auto cpus = static_cast<int>(contest.size());
  const Microseconds quota = cpus * kPeriod / 2;
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpu.max", "max 100000", "no limit");
  };
  const std::string limit = fmt::format("{}m", 500 * cpus);
  const capsule::Tree tree = TRY(context.Plant(kubelet::SimpleNode(std::max(4, cpus), GiB(8).value),
                                               {}, {LimitedPod(limit)}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  std::vector<probe::Spinner> victims;
  for (const int cpu : contest) {
    victims.push_back(TRY(probe::Spinner::Start(
        {.group = &group, .affinity = CpuSet{cpu}, .shortest = Milliseconds(20)})));
  }
  for (probe::Spinner& victim : victims) TRY(victim.AwaitReady(context.patience()));

  SpentQuotaChecks spent = TRY(MeasureSpentQuota(context, *stalls,
                                                 {.name = "CPU time of all threads a period",
                                                  .group = &group,
                                                  .quota = quota,
                                                  .cpus = cpus,
                                                  .throttled_tolerance = kStallTolerance}));
  uint64_t looks = std::numeric_limits<uint64_t>::max();
  double typical = 0;
  std::string histogram;
  for (const probe::Spinner& victim : victims) {
    looks = std::min(looks, victim.Looks());
    const auto ms = [&](double part) {
      return Seconds(victim.Gaps().Percentile(part)).count() * 1e3;
    };
    typical += ms(0.5) * 1e3 / cpus;
    histogram += fmt::format(" {:.1f} / {:.1f} / {:.1f} ms;", ms(0.1), ms(0.5), ms(0.99));
  }
  results::Arm arm;
  Take(arm, spent, true);
  const double rest = Seconds(kPeriod).count() * 1e6 / 2;
  const double stall_tolerance = Seconds(kStallTolerance).count() * 1e6;
  arm.checks.push_back(measure::ExactCheck("typical stall as the threads saw it",
                                           {rest, Relation::kWithin, stall_tolerance, "usec"},
                                           typical));
  arm.load.push_back({"each thread", "looks", 1, static_cast<double>(looks)});
  arm.notes.push_back("stalls of each thread, p10 / p50 / p99:" + histogram);
  arm.description = is_protected ? fmt::format("a limit of {}", limit) : "no limit";
  TellTree(arm, tree);
  return arm;
}

// burstable ── pod ── main  cpu.max 0.4 CPUs for each CPU    on each CPU a load that uses a tenth
// of
//                                                            it, half a millisecond at a time
Result<results::Arm> MeasureBursty(ArmContext& context) {
  constexpr double kDuty = 0.1;
  constexpr Nanoseconds kExcess = Milliseconds(20);
  constexpr Milliseconds kWindow{200};
  const bool is_protected = context.Protected();
  const auto cpus = static_cast<int>(context.online().size());
  const std::string limit = fmt::format("{}m", (is_protected ? 400 : 50) * cpus);
  const capsule::Tree tree = TRY(
      context.Plant(kubelet::SimpleNode(std::max(4, cpus), GiB(8).value), {}, {LimitedPod(limit)}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  std::vector<stress::CpuHog> loads;
  for (const int cpu : context.online()) {
    loads.push_back(TRY(stress::CpuHog::Start({.name = "bursty-load",
                                               .group = &group,
                                               .affinity = CpuSet{cpu},
                                               .duty = kDuty,
                                               .meter = kPeriod})));
  }
  for (stress::CpuHog& load : loads) TRY(load.AwaitReady(context.patience()));

  QuotaMeter meter(group, *stalls, 2 * kStall, is_protected);
  LoadSum sum;
  const auto in_excess = [&] {
    bool excess = false;
    for (stress::CpuHog& load : loads) excess = load.TakePeak() > kExcess || excess;
    return excess && is_protected;
  };
  const auto open = [&]() -> Status {
    in_excess();
    return meter.Open();
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    QuotaMeter::Change change = TRY(meter.Close());
    if (in_excess()) change.disturbance = "a load was charged twice what it is to use";
    if (change.stat.nr_throttled == 0) change.disturbance.reset();  // nothing hides throttling
    sum.Add(change, wall);
    return measure::Window{{static_cast<double>(change.stat.nr_throttled),
                            static_cast<double>(change.stat.throttled.count())},
                           change.disturbance};
  };
  for (int i = 0; i < 2; ++i) TRY(AwaitRefill(context.clock(), group, 3 * kPeriod));
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kWindow,
      {{"throttled periods in a window", {0, Relation::kAtMost, 0, "count"}, kNeverWindows},
       {"throttled time in a window", {0, Relation::kAtMost, 0, "usec"}, kNeverWindows}},
      open, close));
  results::Arm arm;
  arm.description = fmt::format("{} % of each CPU under a limit of {}", kDuty * 100, limit);
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  // In the control arm all that the quota leaves, but for what a spent slice holds back.
  arm.load = {sum.Proof("loads", cpus * (is_protected ? 0.7 * kDuty : 0.03)), WorkProof(loads),
              PeriodsProof(sum, kPeriod)};
  return arm;
}

}  // namespace

Claim CpuMaxTwoInOne() {
  return {
      .id = "cpu.max.two-in-one",
      .statement =
          "Two hogs on one CPU in a group that may use one CPU get half of it each and "
          "are not throttled.",
      .source = "Documentation/scheduler/sched-bwc.rst",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ── burstable ── pod ── main  cpu.max 100000 100000 (limit 1)",
           .load = "Two CPU hogs in main, both pinned to the highest-numbered CPU.",
           .expected =
               "The time throttled is 0; each is charged half of what both are by its own CPU "
               "clock, and the CPU is never idle (/proc/stat).",
           .tolerance =
               "Throttled: on one CPU a quota of one CPU lasts until the refill, but for what the "
               "refill is late; half a tick (4 ms at HZ=250) in a period of 100 ms. Shares: the "
               "two "
               "take turns of a tick or more, so that an edge of a 400 ms window may cut off one "
               "turn: (3 ms slice + 4 ms tick) / 400 = 0.0175, rounded up to 0.02. Idle: as "
               "throttled; what interrupts and other tasks take of the CPU is not idle. Windows "
               "with throttling in which the node stood "
               "still for 10 ms (a late refill) are discarded and counted.",
           .control = "A limit of 500m: 0.25 CPU each, throttled half of the time."},
      .measure = MeasureTwoInOne};
}

Claim CpuMaxMultiThread() {
  return {
      .id = "cpu.max.multi-thread",
      .statement =
          "A quota holds for all threads of a group together: n threads on n CPUs under a "
          "quota of q CPUs use q in all, and stall for 1 - q/n of each period.",
      .source = "Documentation/scheduler/sched-bwc.rst",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod ── main  cpu.max 0.5 CPUs for each CPU of the node\n"
                   "                          (200000 100000 on 4 CPUs)",
           .load = "On each CPU a victim that spins and notes its gaps (in the deterministic lane "
                   "on the highest-numbered CPU only).",
           .expected = "All together use the quota in each period (2.0 of 4 CPUs); throttled_usec "
                       "grows by the rest of it on each CPU, 50 ms; and the gaps that the victims "
                       "saw are 50 ms on average.",
           .tolerance = std::string(kSpentQuotaTolerance) +
                        " Stalls, by throttled_usec and as seen: a tick (4 ms) and a slice (5 ms) "
                        "that one CPU takes and another misses. Gaps shorter than 20 ms are not "
                        "the quota's.",
           .control = "No limit: all CPUs all the time, no stalls."},
      .measure = MeasureMultiThread};
}

Claim CpuMaxBurstyLowUsage() {
  return {
      .id = "cpu.max.bursty-low-usage",
      .statement =
          "A group that uses a quarter of its quota in short bursts on all CPUs is never "
          "throttled.",
      .source = "Linux commits 512ac999d275 and de53fd7aedb1 (slices that expired on many CPUs)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"},
                .cpus = 2,
                .realtime = true,
                .why_realtime = "its load has to run on several CPUs at once, and there one CPU "
                                "runs at a time"},
      .explanation =
          {.tree = "burstable ── pod ── main  cpu.max 0.4 CPUs for each CPU of the node",
           .load =
               "On each CPU a load that uses a tenth of it, about half a millisecond at a time, "
               "metered by its own CPU time.",
           .expected = "nr_throttled and throttled_usec do not grow at all.",
           .tolerance =
               "None: 18 windows without a throttled period leave at most one in four or five "
               "possible (99 %). Windows with throttling in which a load was charged 20 ms in a "
               "period instead of "
               "10 ms (a held-up CPU), or in which the node stood still for 20 ms, are discarded "
               "and counted; three quarters of the quota are left for less.",
           .control = "A quota of half of what the loads use: throttled in every period."},
      .measure = MeasureBursty};
}

}  // namespace nodeproof::conformance
