// How long a Guaranteed victim's forks take beside a fork bomb that has met its limit.
#include <algorithm>

#include "conformance/memory/steps.h"
#include "conformance/pids/pids_claims.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/stall_monitor.h"
#include "harness/probe/forker.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr int64_t kNodePids = 64;
constexpr int64_t kPodPids = 16;
constexpr int64_t kForks = 12;  // of a stretch
// A running task keeps the CPU from one with a better claim to it for its slice (at most 3 ms) and
// until the tick (4 ms at HZ=250) that finds it over. A fork waits three times at the most: for its
// child's first turn, for its own when the child has ended, and once where it was preempted.
constexpr Nanoseconds kWaits = 3 * (Milliseconds(3) + Milliseconds(4));
constexpr Nanoseconds kWatch = Milliseconds(4);

double Usec(Nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

struct Contest {
  capsule::Tree tree;
  probe::Forker victim;
  stress::ForkStorm bomb;
};

// kubepods ─┬─ neighbour                             the victim
//           └─ besteffort ── bomb 16 ─┬─ main        the bomb
//                                     └─ beside      the victim, in the control arm
Result<Contest> Begin(ArmContext& context) {
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.pid_max = kNodePids;
  kubelet::KubeletConfiguration config;
  config.pod_pids_limit = kPodPids;
  const std::vector<kubelet::Pod> pods = {MakePod("neighbour", {{.cpu_request = "1",
                                                                 .cpu_limit = "1",
                                                                 .memory_request = "64Mi",
                                                                 .memory_limit = "64Mi"}}),
                                          MakePod("bomb", {{}, {.name = "beside"}})};
  const CpuSet cpu{context.QuietCpu()};
  capsule::Tree tree = TRY(context.Plant(node, config, pods, {}, {.pids = kNodePids}));
  probe::Forker victim = TRY(
      probe::Forker::Start({.name = "victim",
                            .group = context.Protected() ? TRY(tree.Container("neighbour", "main"))
                                                         : TRY(tree.Container("bomb", "beside")),
                            .affinity = cpu,
                            .interval = Milliseconds(1)}));
  TRY(victim.AwaitReady(context.patience()));
  stress::ForkStorm bomb =
      TRY(stress::ForkStorm::Start({.group = TRY(tree.Container("bomb", "main")),
                                    .kind = stress::ForkStormOptions::Kind::kBomb,
                                    .affinity = cpu,
                                    .most = kNodePids}));
  TRY(Await(context, "the bomb's limit",
            [&]() -> Result<bool> { return bomb.Refused() >= kPodPids || bomb.Sated(); }));
  return Contest{std::move(tree), std::move(victim), std::move(bomb)};
}

Result<results::Arm> MeasureLatency(ArmContext& context) {
  Contest contest = TRY(Begin(context));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  const Clock& clock = context.clock();
  Nanoseconds alone_most{0}, beside_most{0};
  int64_t forks = 0;
  // The p99 of one stretch, without what the node itself stood still. A fork that failed has not
  // come in the whole stretch.
  const auto stretch = [&](bool with_bomb, Nanoseconds& most) -> Result<Nanoseconds> {
    if (with_bomb) {
      contest.bomb.Resume();
    } else {
      TRY(contest.bomb.Pause(context.patience()));
    }
    TRY(contest.victim.StartAnew(context.patience()));
    stalls->TakeWorst();
    const Nanoseconds begun = clock.Now();
    TRY(Await(context, "the victim's forks",
              [&]() -> Result<bool> { return contest.victim.Forks() >= kForks; }));
    const Nanoseconds p99 = contest.victim.Failures() > 0
                                ? clock.Now() - begun
                                : contest.victim.Latency().Percentile(0.99);
    forks += contest.victim.Forks();
    most = std::max(most, p99);
    return std::max(p99 - stalls->TakeWorst(), Nanoseconds(0));
  };
  const int64_t refused_before = contest.bomb.Refused();
  const auto close = [&](Seconds) -> Result<measure::Window> {
    const Nanoseconds alone = TRY(stretch(false, alone_most));
    const Nanoseconds beside = TRY(stretch(true, beside_most));
    return measure::Window{
        {Usec(beside) / Usec((context.Protected() ? alone : Nanoseconds(0)) + kWaits)}};
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(
      Milliseconds(1),
      {{"p99 of forks beside the bomb / (alone + three waits)",
        {1, Relation::kAtMost, 0, "ratio"}}},
      []() -> Status { return {}; }, close));

  results::Arm arm = DescribedArm(contest.tree, context.Protected() ? "victim in a Guaranteed pod"
                                                                    : "victim in the bomb's pod");
  arm.checks = std::move(taken.checks);
  for (std::string& note : taken.notes) arm.notes.push_back(std::move(note));
  arm.notes.push_back(fmt::format("worst stretch: p99 {:.0f} us alone, {:.0f} us beside the bomb",
                                  Usec(alone_most), Usec(beside_most)));
  arm.load = {{"bomb", "births refused meanwhile", 50,
               static_cast<double>(contest.bomb.Refused() - refused_before)},
              {"victim", "forks", 16 * kForks, static_cast<double>(forks)}};
  return arm;
}

}  // namespace

Claim PidsForkLatency() {
  return {
      .id = "pids.fork-latency",
      .statement =
          "Beside a fork bomb that has met its limit a Guaranteed victim's forks take no "
          "longer than alone, but for the turns of those who run.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"pids.max\", \"cpu.weight\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ─┬─ pod neighbour (Guaranteed, 1 CPU)\n"
                   "          └─ besteffort ── pod bomb  pids.max 16 ─┬─ main\n"
                   "                                                  └─ beside",
           .load = "A fork bomb in main, at its limit, goes on trying. A victim in neighbour forks "
                   "a child that ends, reaps it, and does so again after 1 ms. All are pinned to "
                   "the highest-numbered CPU. Stretches of 12 "
                   "forks with the bomb at rest and trying follow each other.",
           .expected = "The 99th percentile of what a fork takes, until its child is reaped, is "
                       "at most k times that alone, in the stretch before, with k = 1 + 21 ms / "
                       "alone.",
           .tolerance = "None beside k: a fork waits three times at most (its child's first turn, "
                        "its own when the child has ended, once where it was preempted), each "
                        "time for a slice (at most 3 ms) and until the tick (4 ms at HZ=250) that "
                        "finds it over. From either percentile the longest time is taken off that "
                        "the node stood still meanwhile, by the evidence of real-time threads "
                        "outside the capsule.",
           .control = "The victim in the bomb's own pod: its forks fail, and count as having taken "
                      "the whole stretch."},
      .measure = MeasureLatency};
}

}  // namespace nodeproof::conformance
