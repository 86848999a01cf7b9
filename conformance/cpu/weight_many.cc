// cpu.weight among many groups: nobody is lost in the crowd.
#include <algorithm>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/water_filling.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"
#include "harness/measure/fairness.h"
#include "harness/measure/windows.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr size_t kGroups = 64;  // light and heavy ones by turns

// Over eight of them the lightest pod's share is five turns.
constexpr Milliseconds kWindow{400};
constexpr int kLeastWindows = measure::kLooks.front();

// At an edge of a window each group may be one turn (a tick, 4 ms) behind or ahead of its share s
// of 0.71 or 0.29, evenly spread; the other half's part of it moves the share too, so that 32
// (0.71^2 + 0.29^2) of them count: 4 ms / sqrt(3) x sqrt(2 x 18.9) = 14 ms. Windows follow each
// other, and of the first look's 8 x 400 ms only the outer edges are off: 0.0044. Three times that,
// and as much again for stalls that were charged to one half and are not yet made up for.
constexpr double kTolerance = 0.03;

bool IsHeavy(size_t group) { return group % 2 == 1; }

// No two groups of a half have the same weight: they would keep step and use the CPU in bursts.
MilliCpu RequestOf(size_t group) {
  const auto rank = static_cast<int64_t>(group / 2);
  return {(IsHeavy(group) ? 3000 : 1000) + 25 * rank};
}

// The part of `amounts` that the heavy groups have.
double HeavyPart(const std::vector<double>& amounts) {
  double heavy = 0, all = 0;
  for (size_t i = 0; i < amounts.size(); ++i) {
    all += amounts[i];
    if (IsHeavy(i)) heavy += amounts[i];
  }
  return all > 0 ? heavy / all : 0;
}

// What each group got of its share; 1 is all of it. Left out are groups to which more of the node's
// stalls was charged than their share of them and two turns: they are ahead of the others by that
// until the kernel has made up for it, which for such shares takes seconds.
std::vector<double> PartsServed(const Stretch& whole, const std::vector<double>& shares) {
  constexpr double kTwoTurnsUsec = 8000;
  double stalls = 0;
  for (size_t i = 0; i < shares.size(); ++i) stalls += whole.usage_usec[i] - whole.ran_usec[i];
  std::vector<double> served;
  for (size_t i = 0; i < shares.size(); ++i) {
    const double own = whole.usage_usec[i] - whole.ran_usec[i];
    if (own > shares[i] * stalls + kTwoTurnsUsec) continue;
    served.push_back(whole.ShareByUsage(i) / shares[i]);
  }
  return served;
}

// burstable ─┬─ pod 0   1 CPU,   weight 39    one hog
//            ├─ pod 1   3 CPUs,  weight 118   one hog
//            ├─ pod 2   1025m,   weight 40    one hog
//            …  64 of them, all pinned to CPU N
Result<results::Arm> MeasureManyGroups(ArmContext& context) {
  const bool is_protected = context.Protected();
  std::vector<kubelet::Pod> pods;
  for (size_t i = 0; i < kGroups; ++i) {
    pods.push_back(MakePod(fmt::format("pod-{}", i),
                           {{.cpu_request = fmt::format("{}m", RequestOf(i).value)}}));
  }
  std::vector<double> shares;
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    std::vector<PlannedLoad> loads;
    for (const kubelet::Pod& pod : pods) loads.push_back({TRY(PathOfContainer(plan, pod.name))});
    shares = TRY(PredictCpus(plan, loads, 1));
    if (!is_protected) EqualizeWeights(plan);
    return {};
  };
  const capsule::Tree tree = TRY(context.Plant(LargeNode(), WeightsOnly(), pods, edit));
  std::vector<Contender> contenders;
  for (size_t i = 0; i < kGroups; ++i) {
    contenders.push_back(TRY(InPod(tree, pods[i].name, shares[i])));
    contenders.back().counted_at = nullptr;
  }
  const double heavy = HeavyPart(shares);
  std::vector<size_t> heavy_groups, all_groups;
  for (size_t i = 0; i < kGroups; ++i) {
    all_groups.push_back(i);
    if (IsHeavy(i)) heavy_groups.push_back(i);
  }
  Contest contest = TRY(Contest::Start(context, CpuSet{context.QuietCpu()}, std::move(contenders)));
  std::vector<results::Check> checks = TRY(contest.Measure(
      {{{"share of the heavy half by CPU time", {heavy, Relation::kWithin, kTolerance, "ratio"}},
        [](const Stretch& stretch) { return HeavyPart(stretch.usage_usec); }},
       {{"work of the heavy half for its share",
         {heavy, Relation::kWithin, kWorkTolerance, "ratio"}},
        [&](const Stretch& stretch) {
          return stretch.ShareOfWork(heavy_groups, all_groups, shares);
        }}},
      kWindow));

  const std::vector<double> served = PartsServed(contest.whole(), shares);
  checks.push_back(measure::ExactCheck("least part of its share that any group got",
                                       {0.5, Relation::kAtLeast, 0, "ratio"},
                                       *std::ranges::min_element(served)));
  checks.push_back(measure::ExactCheck("Jain's fairness index of shares by weight",
                                       {0.9, Relation::kAtLeast, 0, "ratio"},
                                       measure::JainIndex(served)));
  // In less time the lightest pods are not due their five turns.
  if (contest.whole().wall < kLeastWindows * Seconds(kWindow)) {
    for (auto check = checks.end() - 2; check != checks.end(); ++check) {
      check->finding = results::Finding::kUnclear;
    }
  }
  return contest.Report(
      is_protected ? "weights 39 to 70 and 118 to 148 by turns" : "every weight 100", tree,
      std::move(checks));
}

}  // namespace

Claim CpuWeightManyGroups() {
  return {
      .id = "cpu.weight.many-groups",
      .statement =
          "Among 64 saturated pods on one CPU each gets its share by weight, and none is "
          "starved.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"; "
          "Documentation/scheduler/sched-eevdf.rst",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod-0   cpu.weight 39 (1 CPU)\n"
                   "           ├─ pod-1   cpu.weight 118 (3 CPUs)\n"
                   "           ├─ pod-2   cpu.weight 40 (1025m)\n"
                   "           ├─ pod-3   cpu.weight 119 (3025m)\n"
                   "           …  64 pods",
           .load = "One CPU hog in each pod, all pinned to the highest-numbered CPU, counted by "
                   "their own CPU clocks.",
           .expected = "The 32 heavy pods together get 0.711. Over all windows no pod "
                       "gets less than half of its share, and Jain's index of what each got for "
                       "its weight is at least 0.9.",
           .tolerance = "At an edge of a 400 ms window each pod may be one turn (a tick, 4 ms at "
                        "HZ=250) behind or ahead of its share; the next window has what one lacks. "
                        "The outer edges of eight windows make 4 / sqrt(3) x sqrt(2 x 32 x (0.71^2 "
                        "+ 0.29^2)) = 14 ms of 3200, 0.0044; three times that, and as much again "
                        "for stalls of the node that were charged to one half and are not yet made "
                        "up for: 0.03. By work: 0.05, as of all weights (cpu.weight.siblings). The "
                        "lightest pod's share of 3.2 s is 21 ms, and it "
                        "gets it in turns of a "
                        "tick (4 ms): one turn may be still to come at the end, and one may have "
                        "come right before the start: 13 of 21. A stall takes from nobody "
                        "else more than his share of it. Were every pod one turn off, Jain's index "
                        "would be 0.97. Pods that were charged more of the node's stalls than "
                        "their part and two turns are left out of the last two checks: the kernel "
                        "makes up for that, but in seconds.",
           .control = "Every weight 100: the heavy half gets 0.50, so the check must fail (and "
                      "Jain's index is 0.80)."},
      .measure = MeasureManyGroups};
}

}  // namespace nodeproof::conformance
