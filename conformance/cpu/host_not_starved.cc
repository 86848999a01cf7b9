// The host beside saturated pods: system.slice always gets its turn.
#include <algorithm>
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/wait_meter.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Milliseconds kLongestWait{100};
constexpr Milliseconds kWindow{200};
// Windows to watch for what must never happen.
constexpr int kNeverWindows = 18;
// Two groups at the root of the tree, each of whose turns is at most two ticks (8 ms), make waits
// of some 12 ms. The kernel charges a stall of the node to whoever ran, who then waits until the
// others are even: system.slice, with 0.42 of the CPU, for 1.4 times the stall. Two stalls of 30 ms
// in a row make a wait of 12 + 1.4 x 60 = 96 ms, which is still below 100 ms.
constexpr Nanoseconds kStall = Milliseconds(30);
// After a longer stall system.slice is in arrears for so many times its length.
constexpr double kRepay = 1 / 0.42;

// Which windows a stall of the node reaches into.
class StallShadow {
 public:
  explicit StallShadow(measure::StallMonitor& stalls) : stalls_(stalls) {}
  // Of the window that ends now.
  bool Reaches(Nanoseconds now) {
    const Nanoseconds stall = stalls_.TakeWorst();
    const bool reached = stall > kStall || now < until_;
    if (stall > kStall) {
      const auto repaid =
          Nanoseconds(static_cast<int64_t>(static_cast<double>(stall.count()) * kRepay));
      until_ = std::max(until_, now + repaid + kWindow);  // until one begins after it
    }
    return reached;
  }

 private:
  measure::StallMonitor& stalls_;
  Nanoseconds until_{0};
};

// The spinners of system.slice, one on each CPU of the contest. They ask the kernel how long they
// were ready and waited, so that a host which takes the CPU from under them is no wait.
class Spinners {
 public:
  static Result<Spinners> Start(const cgroup::Cgroup& group, const CpuSet& cpus, Seconds patience) {
    Spinners spinners;
    for (const int cpu : cpus) {
      spinners.meters_.push_back(TRY(probe::WaitMeter::Start(
          {.name = fmt::format("host-{}", cpu), .group = &group, .affinity = CpuSet{cpu}})));
      TRY(spinners.meters_.back().AwaitReady(patience));
    }
    spinners.rounds_.resize(spinners.meters_.size());
    return spinners;
  }

  // What happened since the last call.
  struct Waits {
    Nanoseconds longest{0};  // of those that have ended
    bool one_stuck = false;  // one of them did not get the CPU at all
  };
  Waits Take() {
    Waits waits;
    for (size_t i = 0; i < meters_.size(); ++i) {
      waits.longest = std::max(waits.longest, meters_[i].TakeLongest());
      const uint64_t rounds = meters_[i].Rounds();
      waits.one_stuck |= rounds == std::exchange(rounds_[i], rounds);
    }
    return waits;
  }

  Status StillRunning() {
    for (probe::WaitMeter& meter : meters_) {
      if (!TRY(meter.Running())) return Fail("a task of system.slice ended while it was measured");
    }
    return {};
  }

 private:
  std::vector<probe::WaitMeter> meters_;
  std::vector<uint64_t> rounds_;
};

// What the kubelet does when pods come and go: it writes the weights anew. By turns, so that every
// window has a change of both.
class Reweighter {
 public:
  static Result<Reweighter> Create(const capsule::Tree& tree, std::string_view burstable,
                                   int64_t kubepods) {
    Reweighter reweighter;
    reweighter.kubepods_ = TRY(tree.NodeSlice());
    reweighter.burstable_ = TRY(tree.At(burstable));
    reweighter.kubepods_weight_ = kubepods;
    return reweighter;
  }
  Status Next() {
    is_odd_ = !is_odd_;
    TRY(kubepods_->Write("cpu.weight", fmt::format("{}", kubepods_weight_ - (is_odd_ ? 20 : 0))));
    return burstable_->Write("cpu.weight", is_odd_ ? "39" : "86");
  }

 private:
  const cgroup::Cgroup* kubepods_ = nullptr;
  const cgroup::Cgroup* burstable_ = nullptr;
  int64_t kubepods_weight_ = 0;
  bool is_odd_ = false;
};

// / ─┬─ system.slice  100                       a spinner on each CPU that measures its waits
//    └─ kubepods  137 ─┬─ pod guaranteed  39    a hog on each CPU
//                      ├─ burstable  86 ── pod  two hogs on each CPU
//                      └─ besteffort  1 ── pod  two hogs on each CPU
// The weights of kubepods and burstable change in every window. In the control arm system.slice has
// 1 and kubepods 10000.
Result<results::Arm> MeasureHostNotStarved(ArmContext& context) {
  const bool is_protected = context.Protected();
  std::string burstable;
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    burstable = TRY(PathOfQosSlice(plan, kubelet::QosClass::kBurstable));
    if (is_protected) return {};
    TRY(OverrideWeight(plan, TRY(PathOfSystemSlice(plan)), 1));
    return OverrideWeight(plan, TRY(PathOfNodeSlice(plan)), 10000);
  };
  const std::vector<kubelet::Pod> pods = {MakePod("guaranteed", {{.cpu_request = "1",
                                                                  .cpu_limit = "1",
                                                                  .memory_request = "64Mi",
                                                                  .memory_limit = "64Mi"}}),
                                          MakePod("burstable", {{.cpu_request = "2200m"}}),
                                          MakePod("besteffort", {{}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  const CpuSet cpus = context.ContestCpus();
  const cgroup::Cgroup& kubepods = *TRY(tree.NodeSlice());
  Reweighter reweighter = TRY(Reweighter::Create(tree, burstable, is_protected ? 137 : 10000));
  Spinners spinners = TRY(Spinners::Start(*TRY(tree.SystemSlice()), cpus, context.patience()));
  std::vector<Contender> contenders;
  for (const kubelet::Pod& pod : pods) {
    contenders.push_back(TRY(InPod(tree, pod.name, 0)));
    contenders.back().hogs = pod.name == "guaranteed" ? 1 : 2;
  }
  Contest contest = TRY(Contest::Start(context, cpus, std::move(contenders)));

  StallShadow shadow(contest.stalls());
  Nanoseconds longest{0};
  cgroup::CpuStat before;
  Seconds wall{0};
  const auto open = [&]() -> Status {
    before = TRY(cgroup::ReadCpuStat(kubepods));
    shadow.Reaches(context.clock().Now());
    spinners.Take();
    return {};
  };
  const auto close = [&](Seconds window) -> Result<measure::Window> {
    wall += window;
    const Spinners::Waits waits = spinners.Take();
    TRY(reweighter.Next());
    if (shadow.Reaches(context.clock().Now())) {
      return measure::Window{.disturbance =
                                 "the node stood still for more than 30 ms in it or just before"};
    }
    longest = std::max(longest, waits.longest);
    const bool too_long = waits.longest > kLongestWait || waits.one_stuck;
    return measure::Window{.samples = {too_long ? 1.0 : 0.0}};
  };
  measure::WindowedChecks taken =
      TRY(context.TakeWindows(kWindow,
                              {{"windows of 200 ms with a wait of more than 100 ms",
                                {0, Relation::kAtMost, 0, "ratio"},
                                kNeverWindows}},
                              open, close));

  TRY(spinners.StillRunning());
  const cgroup::CpuStat used = TRY(cgroup::ReadCpuStat(kubepods)) - before;
  results::Arm arm;
  arm.description =
      is_protected ? "system.slice 100, kubepods 137" : "system.slice 1, kubepods 10000";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  arm.notes.push_back(
      fmt::format("longest wait of a task in system.slice: {}", FormatDuration(Seconds(longest))));
  arm.tree = tree.entries();
  // The pods want all, and must have had at least what their weight leaves them beside the
  // spinners, a fifth less for the agent and the stall monitor.
  arm.load = {{"pods together", "usec",
               0.8 * 117 / 217 * 1e6 * wall.count() * static_cast<double>(cpus.size()),
               static_cast<double>(used.usage.count())}};
  return arm;
}

}  // namespace

Claim CpuWeightHostNotStarved() {
  return {
      .id = "cpu.weight.host-not-starved",
      .statement =
          "While pods saturate every CPU and their weights change, a task in system.slice "
          "never waits longer than 100 ms for its turn.",
      .source =
          "Documentation/scheduler/sched-eevdf.rst (bounded lag); Linux commit 101f3498b4bd "
          "(a reweighted group made others wait for 2.7 to 4.2 s)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "/ ─┬─ system.slice  100\n"
                   "   └─ kubepods  137 or 117 ─┬─ pod guaranteed  39\n"
                   "                            ├─ burstable  86 or 39\n"
                   "                            └─ besteffort  1",
           .load = "On each CPU one hog in a Guaranteed pod, two in a Burstable and two in a "
                   "BestEffort one, and in system.slice a task that spins and asks the kernel for "
                   "its waits "
                   "(in the deterministic lane on the highest-numbered CPU only). The weights of "
                   "kubepods and burstable are written anew every 200 ms, as when pods come and "
                   "go.",
           .expected = "In 18 windows of 200 ms no wait of more than 100 ms.",
           .tolerance =
               "None: one such wait is too many; 18 windows without one leave at most one in four "
               "or five possible (99 %). With two groups at the root of the tree and turns of at "
               "most two ticks (8 ms) waits are some 12 ms. A stall of the node is charged to "
               "whoever ran, who then waits until the others are even: 1.4 times the stall for "
               "system.slice. Windows in which the node stood still for more than 30 ms (real-time "
               "threads outside the capsule tell), and those in which the kernel makes up for it, "
               "are discarded and counted: two shorter stalls in a row make 12 + 1.4 x 60 = 96 ms.",
           .control = "system.slice 1 and kubepods 10000: its task gets a turn about once in forty "
                      "seconds, so the check must fail."},
      .measure = MeasureHostNotStarved};
}

}  // namespace nodeproof::conformance
