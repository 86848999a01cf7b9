// What exclusive CPUs are for: nobody keeps the pod waiting.
#include <algorithm>

#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/cpuset/static_policy.h"
#include "conformance/moves.h"
#include "harness/probe/wait_meter.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Milliseconds kWindow{200};
constexpr int kHogs = 2;
constexpr double kMostWaiting = 0.05;
// What a fair neighbour keeps at least when it is alone in wanting the CPU too: the scheduler ends
// a slice at a tick, 4 ms at HZ=250. Longer waits than two ticks count as two.
constexpr double kTickUsec = 4000;

// kubepods ─┬─ pod victim (Guaranteed, 1 CPU) ── main   cpuset.cpus N    spins on CPU N
//           └─ burstable ── pod noisy (900m) ── main    cpuset.cpus 0    two hogs that want CPU N
Result<results::Arm> MeasureQuiet(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {ExclusivePod("victim", 1),
                                          MakePod("noisy", {{.cpu_request = "900m"}})};
  // A tenth of a CPU reserved is a whole one for the static policy, and leaves 900m to ask for.
  kubelet::KubeletConfiguration config;
  config.system_reserved.emplace(kubelet::kCpu, kubelet::Quantity::FromMilli(100));
  config.cpu_manager_policy = "static";
  const kubelet::Plan by_policy = TRY(context.PlanHere(config, pods));
  const int cpu = TRY(ExclusiveCpus(by_policy, "victim")).First();
  if (!context.Protected()) config.cpu_manager_policy = "none";
  const capsule::Tree tree = TRY(context.Plant(TRY(context.PlanHere(config, pods))));

  std::vector<stress::CpuHog> hogs;
  int moved = 0;
  for (int i = 0; i < kHogs; ++i) {
    hogs.push_back(TRY(stress::CpuHog::Start({.group = TRY(tree.Container("noisy", "main"))})));
    TRY(hogs.back().AwaitReady(context.patience()));
    moved += MoveTo(hogs.back().pid(), CpuSet{cpu}) ? 1 : 0;
  }
  auto victim = TRY(probe::WaitMeter::Start(
      {.group = TRY(tree.Container("victim", "main")), .affinity = CpuSet{cpu}}));
  TRY(victim.AwaitReady(context.patience()));

  const OffCpu elsewhere(cpu);
  Nanoseconds waited{0};
  const auto open = [&]() -> Status {
    waited = victim.Waited();
    victim.TakeLongest();
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    const Nanoseconds now = victim.Waited();
    const double share = Seconds(now - waited).count() / wall.count();
    waited = now;
    const double longest = Seconds(victim.TakeLongest()).count() * 1e6;
    return measure::Window{{share, std::min(longest, 2 * kTickUsec)}, std::nullopt};
  };
  measure::WindowedChecks taken =
      TRY(context.TakeWindows(kWindow,
                              {{"share of time that the victim waited for its CPU",
                                {0, Relation::kAtMost, kMostWaiting, "ratio"}},
                               {"longest wait in a window, at most two ticks of it",
                                {0, Relation::kAtMost, kTickUsec, "usec"}}},
                              open, close));

  results::Arm arm;
  arm.description = fmt::format("cpuManagerPolicy {}: {} of {} hogs were let onto CPU {}",
                                config.cpu_manager_policy, moved, kHogs, cpu);
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  arm.notes.insert(arm.notes.end(), tree.discrepancies().begin(), tree.discrepancies().end());
  arm.tree = tree.entries();
  arm.load = {{"victim", "rounds", 1, static_cast<double>(victim.Rounds())}};
  for (stress::CpuHog& hog : hogs) {
    if (!TRY(hog.Running())) return Fail("{} ended while it was measured", hog.name());
    arm.load.push_back({hog.name(), "rounds", 1, static_cast<double>(hog.Work())});
  }
  return arm;
}

}  // namespace

Claim CpusetExclusiveQuiet() {
  return {
      .id = "cpuset.exclusive-quiet",
      .statement = "A pod on its own CPU hardly ever waits for it, whatever its neighbours do.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.cpus\"; rt-tests, oslat(8)",
      .needs = {.controllers = kCpusetControllers,
                .cpus = 2,
                .whole_node = true,
                .why_whole_node = "a host's own processes may use the victim's CPU"},
      .explanation =
          {.tree = "kubepods ─┬─ pod victim (Guaranteed, 1 CPU) ── main  cpuset.cpus N\n"
                   "          └─ burstable ── pod noisy (900m) ── main   the shared pool\n"
                   "Static policy, 100m reserved.",
           .load = "The victim spins on CPU N and asks the kernel, whenever its clock jumped by "
                   "more than 50 us, how long it was ready but waiting (/proc/self/schedstat). Two "
                   "hogs in pod noisy each ask for CPU N (sched_setaffinity).",
           .expected = "The victim waits next to nothing, and never as long as another task's "
                       "slice.",
           .tolerance =
               "0.05 of the time: the kernel's own threads use well under a hundredth of a CPU, "
               "some times that under an emulator. The longest wait of a window, on average: a "
               "tick (4 ms), the least that a fair neighbour keeps the CPU. Time that a hypervisor "
               "takes while the victim is on the CPU is no wait in the kernel's account; when it "
               "takes the CPU from a kernel thread, one wait may be of any length, so that it "
               "counts as two ticks at most. The sampler keeps off CPU N.",
           .control = "CPU Manager policy none: the hogs are let onto CPU N, and the victim gets "
                      "its weight's part, about a half."},
      .measure = MeasureQuiet};
}

}  // namespace nodeproof::conformance
