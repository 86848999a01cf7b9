// Latency: how long a Guaranteed victim waits for its CPU beside BestEffort hogs on it.
#include <algorithm>
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/probe/spinner.h"
#include "harness/probe/waker.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr int kHogs = 6;
// What a task that runs may keep the CPU from one with a better claim to it: its slice
// (sched_base_slice_ns, at most 3 ms) and then until the tick (4 ms at HZ=250) that finds it over.
constexpr Nanoseconds kWait = Milliseconds(3) + kTick;

double Usec(Nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

// kubepods ─┬─ victim (Guaranteed; in the control arm BestEffort)     on CPU N
//           └─ besteffort ─┬─ hog-0 … hog-5                           a hog each, on CPU N
class Contest {
 public:
  static Result<Contest> Plant(ArmContext& context) {
    std::vector<kubelet::Pod> pods;
    pods.push_back(context.Protected() ? MakePod("victim", {{.cpu_request = "1",
                                                             .cpu_limit = "1",
                                                             .memory_request = "64Mi",
                                                             .memory_limit = "64Mi"}})
                                       : MakePod("victim", {{}}));
    for (int i = 0; i < kHogs; ++i) pods.push_back(MakePod(HogName(i), {{}}));
    Contest contest(TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, pods)));
    const CpuSet cpu{context.QuietCpu()};
    for (int i = 0; i < kHogs; ++i) {
      const cgroup::Cgroup& group = *TRY(contest.tree_.Container(HogName(i), "main"));
      for (auto& hog : TRY(StartHogs(context, group, "besteffort hog", cpu))) {
        contest.hogs_.push_back(std::move(hog));
      }
    }
    return contest;
  }

  // Stops the hogs or lets them run again.
  Status Freeze(const Clock& clock, bool frozen) {
    for (int i = 0; i < kHogs; ++i) {
      TRY(TRY(tree_.Pod(HogName(i)))->Write("cgroup.freeze", frozen ? "1" : "0"));
    }
    const Nanoseconds deadline = clock.Now() + std::chrono::seconds(30);
    for (int i = 0; i < kHogs; ++i) {
      const cgroup::Cgroup& group = *TRY(tree_.Pod(HogName(i)));
      while (TRY(cgroup::ReadKeyed(group, "cgroup.events")).Get("frozen") != (frozen ? 1 : 0)) {
        if (clock.Now() > deadline) return Fail("{} did not freeze or thaw", group.path());
        clock.WaitUntil(clock.Now() + Milliseconds(1));
      }
    }
    return {};
  }

  // CPU time that the hogs were charged.
  Result<Microseconds> HogsUsed() const {
    Microseconds used{0};
    for (int i = 0; i < kHogs; ++i) {
      used += TRY(cgroup::ReadCpuStat(*TRY(tree_.Pod(HogName(i))))).usage;
    }
    return used;
  }

  const capsule::Tree& tree() const { return tree_; }
  Result<const cgroup::Cgroup*> Victim() const { return tree_.Container("victim", "main"); }
  const std::vector<stress::CpuHog>& hogs() const { return hogs_; }

 private:
  explicit Contest(capsule::Tree tree) : tree_(std::move(tree)) {}
  static std::string HogName(int i) { return fmt::format("hog-{}", i); }

  capsule::Tree tree_;
  std::vector<stress::CpuHog> hogs_;
};

// The percentiles of one stretch, told in the arm's notes.
struct Percentiles {
  Nanoseconds p50{0}, p99{0}, p999{0}, max{0};

  void Raise(const measure::Histogram& lateness) {
    p50 = std::max(p50, lateness.Percentile(0.5));
    p99 = std::max(p99, lateness.Percentile(0.99));
    p999 = std::max(p999, lateness.Percentile(0.999));
    max = std::max(max, lateness.Max());
  }
  std::string ToString() const {
    return fmt::format("p50 {:.0f}, p99 {:.0f}, p99.9 {:.0f}, max {:.0f} us", Usec(p50), Usec(p99),
                       Usec(p999), Usec(max));
  }
};

Result<results::Arm> MeasureWakeup(ArmContext& context) {
  constexpr Milliseconds kStretch{200};
  constexpr uint64_t kDue = 100;  // requests in a stretch
  Contest contest = TRY(Contest::Plant(context));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  probe::Waker victim = TRY(probe::Waker::Start(
      {.group = TRY(contest.Victim()), .affinity = CpuSet{context.QuietCpu()}}));
  TRY(victim.AwaitReady(context.patience()));

  const Clock& clock = context.clock();
  Percentiles alone, beside;
  uint64_t requests = 0, alone_requests = 0;
  Nanoseconds stall{0};  // the longest of a pair of stretches
  // A p99 of one stretch, without what the node itself stood still.
  const auto stretch = [&](bool with_hogs, Percentiles& worst) -> Result<Nanoseconds> {
    TRY(contest.Freeze(clock, !with_hogs));
    TRY(victim.StartAnew(context.patience()));
    stalls->TakeWorst();
    clock.WaitUntil(clock.Now() + kStretch);
    measure::Histogram lateness;
    lateness.Merge(victim.Lateness());
    requests += lateness.count();
    alone_requests = with_hogs ? alone_requests : lateness.count();
    // Who is not let run at all begins nothing late.
    if (with_hogs) victim.AddWaiting(lateness);
    const Nanoseconds p99 = lateness.Percentile(0.99);
    worst.Raise(lateness);
    const Nanoseconds worst_stall = stalls->TakeWorst();
    stall = std::max(stall, worst_stall);
    return std::max(p99 - worst_stall, Nanoseconds(0));
  };
  const auto close = [&](Seconds) -> Result<measure::Window> {
    const Nanoseconds by_itself = TRY(stretch(false, alone));
    const Nanoseconds with_hogs = TRY(stretch(true, beside));
    std::optional<std::string> disturbance;
    // Several of them add up behind one request, and only the longest is known.
    if (stall > kTick) disturbance = "the node stood still for more than a tick";
    stall = Nanoseconds(0);
    if (alone_requests < kDue * 8 / 10) disturbance = "the victim fell behind alone";
    return measure::Window{{Usec(with_hogs) / Usec(by_itself + kWait)}, disturbance};
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      Milliseconds(1),
      {{"p99 delay beside hogs / (alone + a slice and a tick)",
        {1, Relation::kAtMost, 0, "ratio"}}},
      []() -> Status { return {}; }, close));

  results::Arm arm;
  arm.description = context.Protected() ? "Guaranteed victim" : "BestEffort victim";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  arm.notes.push_back("worst stretch alone: " + alone.ToString());
  arm.notes.push_back("worst stretch beside hogs: " + beside.ToString());
  TellTree(arm, contest.tree());
  arm.load = {WorkProof(contest.hogs()),
              {"victim", "requests", 200, static_cast<double>(requests)}};
  return arm;
}

Result<results::Arm> MeasureGap(ArmContext& context) {
  constexpr Milliseconds kWindow{300};
  // Weights of a Guaranteed pod of 1 CPU and of the BestEffort slice, siblings below kubepods.
  constexpr double kTurns = 39 + 1;
  constexpr double kBestEffortShare = 1 / kTurns;
  // A window that is to repay a longer stall than this (100 ms) is not waited for.
  constexpr Seconds kLongest{4};
  Contest contest = TRY(Contest::Plant(context));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  probe::Spinner victim = TRY(probe::Spinner::Start(
      {.group = TRY(contest.Victim()), .affinity = CpuSet{context.QuietCpu()}}));
  TRY(victim.AwaitReady(context.patience()));

  Microseconds used{0};
  Nanoseconds longest_of_all{0}, longest{0}, stall{0};
  const auto open = [&]() -> Status {
    used = TRY(contest.HogsUsed());
    victim.TakeLongest();
    stalls->TakeWorst();
    longest = stall = Nanoseconds(0);
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    longest = std::max(longest, victim.TakeLongest());
    stall = std::max(stall, stalls->TakeWorst());
    // A stall in the turn of a hog is charged to it, and repaid in as much time as gives it so long
    // a turn.
    if (wall < kTurns * Seconds(stall) && wall < kLongest)
      return measure::Window{.unfinished = true};
    const Microseconds now = TRY(contest.HogsUsed());
    const Seconds part = now - std::exchange(used, now);
    const Nanoseconds gap = std::max(longest - stall, Nanoseconds(0));
    longest_of_all = std::max(longest_of_all, longest);
    std::optional<std::string> disturbance;
    if (wall < kTurns * Seconds(stall)) disturbance = "the node stood still for more than 100 ms";
    longest = stall = Nanoseconds(0);
    return measure::Window{{part / wall, Usec(gap)}, disturbance};
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      kWindow,
      {{"part of the CPU that the hogs used",
        {kBestEffortShare, Relation::kAtMost, 2 * Seconds(kTick) / kWindow, "ratio"}},
       {"longest gap", {Usec(kWait), Relation::kAtMost, 0, "usec"}}},
      open, close));

  results::Arm arm;
  arm.description = context.Protected() ? "Guaranteed victim" : "BestEffort victim";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  arm.notes.push_back(
      fmt::format("gaps of 2 ms and more: {}, p50 {:.0f}, p99 {:.0f}, longest {:.0f} us",
                  victim.Gaps().count(), Usec(victim.Gaps().Percentile(0.5)),
                  Usec(victim.Gaps().Percentile(0.99)), Usec(longest_of_all)));
  TellTree(arm, contest.tree());
  arm.load = {WorkProof(contest.hogs()),
              {"victim", "looks", 1, static_cast<double>(victim.Looks())}};
  return arm;
}

constexpr const char* kTree =
    "kubepods ─┬─ victim (Guaranteed, 1 CPU)       cpu.weight 39\n"
    "          └─ besteffort  cpu.weight 1 ── hog-0 … hog-5";

}  // namespace

Claim CpuWakeupProtected() {
  return {
      .id = "cpu.wakeup.protected",
      .statement =
          "A Guaranteed victim that wakes up beside BestEffort hogs runs as soon as alone, "
          "but for one slice and one tick.",
      .source = "Documentation/scheduler/sched-eevdf.rst, sched-design-CFS.rst; schbench",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = kTree,
           .load = "Six BestEffort hogs and the victim pinned to the highest-numbered CPU. Every 2 "
                   "ms a request is due that takes the victim 0.6 ms: 30 % of the CPU. Stretches "
                   "of 200 ms with the hogs frozen and running follow each other.",
           .expected =
               "The 99th percentile of how late requests begin beside the hogs (or how long those "
               "that are due wait by the end of the stretch) is at most k "
               "times that alone, in the stretch before, with k = 1 + (3 ms + 4 ms) / "
               "alone.",
           .tolerance =
               "None beside k: a running task keeps the CPU for its slice (sched_base_slice_ns, at "
               "most 3 ms) and until the tick (4 ms at HZ=250) that finds it over. From either "
               "percentile the longest time is taken off that the node stood still meanwhile, by "
               "the evidence of real-time threads outside the capsule; where it stood still for "
               "more than a tick, or the victim misses a "
               "fifth "
               "of its requests alone, the pair of stretches is discarded and counted.",
           .control = "The victim in a BestEffort pod: one of seven, it gets half of what it needs "
                      "and falls behind."},
      .measure = MeasureWakeup};
}

Claim CpuGapProtected() {
  return {
      .id = "cpu.gap.protected",
      .statement =
          "A Guaranteed victim that wants a whole CPU loses to BestEffort hogs on it only "
          "what their weight is, one short gap at a time.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"; Kubernetes 1.36 "
          "pkg/kubelet/cm/qos_container_manager_linux.go; oslat",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = kTree,
           .load =
               "Six BestEffort hogs and a victim that spins, all pinned to the highest-numbered "
               "CPU.",
           .expected = "By cpu.stat the hogs use 1 / (39 + 1) = 0.025 of the CPU, and the victim "
                       "sees gaps of at most a slice and a tick: 3 + 4 ms.",
           .tolerance =
               "Used: a turn of a tick (4 ms) may lie across either edge of a 300 ms window: 2 x 4 "
               "/ "
               "300 = 0.027. A window in which the node stood still is lengthened to forty times "
               "that: a hog that ran meanwhile is charged for it, and repays it; one of more than "
               "100 ms is discarded and counted. Gaps: none; what the node stood still meanwhile "
               "is "
               "taken off, by the evidence of real-time threads outside the capsule. Time that the "
               "victim was charged while its CPU stood still is no gap.",
           .control = "The victim in a BestEffort pod: the hogs use six sevenths."},
      .measure = MeasureGap};
}

}  // namespace nodeproof::conformance
