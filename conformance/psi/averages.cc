// The running averages of a pressure file, which kubelets and OOM daemons read.
#include <algorithm>
#include <optional>

#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/psi/average.h"
#include "conformance/psi/psi_claims.h"
#include "conformance/psi/stall_stretch.h"
#include "harness/measure/estimate.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr const char* kFile = "cpu.pressure";
constexpr Milliseconds kEvery{5};
// Each group's periods begin when it likes. The control arm has time for a whole one.
constexpr Seconds kLongest{14};
constexpr Seconds kControl{5};
constexpr results::Expectation kFollows{1, Relation::kWithin, 0.05, "ratio"};

// An average of a group that is followed until it is decided whether it keeps to the total.
struct Followed {
  const cgroup::Cgroup* group = nullptr;
  bool full = false;
  size_t which = 0;  // 0: over 10 s, 1: over 60 s
  AverageFollower follower;
  double highest = 0;  // percent
  std::optional<results::Measurement> taken_in = std::nullopt;
  results::Check check = {};

  // Of the last period that was seen whole. Without any: what one that took in more would have
  // shown.
  results::Measurement TakenIn() const {
    if (taken_in) return *taken_in;
    const double kept = which == 0 ? kKept10 : kKept60;
    const double most = std::min(1.0, ((highest + 0.01) / (1 - kept) + 1) / 100);
    return {most / 2, 0, most, {}};
  }

  bool Decided() const { return check.finding != results::Finding::kUnclear; }
  void Add(Nanoseconds before, Nanoseconds after, const cgroup::Pressure& pressure) {
    if (Decided()) return;
    const double average = (full ? pressure.full_average : pressure.some_average)[which];
    highest = std::max(highest, average);
    follower.Add(before, after, full ? pressure.full_total : pressure.some_total, average);
    if (const auto part = follower.TakenIn()) taken_in = part;
    if (const auto of_total = follower.OfTotal()) {
      check.measured = *of_total;
      check.finding = measure::Judge(kFollows, *of_total);
    }
  }
};

Followed Follow(std::string_view name, const cgroup::Cgroup* group, bool full, size_t which) {
  std::string of = fmt::format("what avg{} (`{}`) of {} took in, of what its total grew",
                               which == 0 ? 10 : 60, full ? "full" : "some", name);
  return {.group = group,
          .full = full,
          .which = which,
          .follower = AverageFollower(which == 0 ? kKept10 : kKept60),
          .check = {std::move(of), kFollows, {0, 0, 1e9, {}}}};
}

Result<std::vector<Followed>> Averages(const capsule::Tree& tree) {
  const cgroup::Cgroup* main = TRY(tree.Container("pod", "main"));
  std::vector<Followed> averages;
  averages.push_back(Follow("the container", main, false, 0));
  averages.push_back(Follow("the container", main, false, 1));
  averages.push_back(Follow("the container", main, true, 0));
  averages.push_back(Follow("the pod", TRY(tree.Pod("pod")), false, 0));
  averages.push_back(Follow("its QoS slice", TRY(tree.QosSlice("pod")), false, 0));
  averages.push_back(Follow("kubepods", TRY(tree.NodeSlice()), false, 0));
  return averages;
}

Status ReadAll(const Clock& clock, std::vector<Followed>& averages) {
  for (Followed& each : averages) {
    const Nanoseconds before = clock.Now();
    const cgroup::Pressure pressure = TRY(cgroup::ReadPressure(*each.group, kFile));
    each.Add(before, clock.Now(), pressure);
  }
  return {};
}

// kubepods ── burstable ── pod  50000 / 100000 ── main      a hog on CPU N
Result<results::Arm> MeasureAverages(ArmContext& context) {
  const auto limit = context.Protected() ? "500m" : "";
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {MakePod("pod", {{.cpu_request = "100m", .cpu_limit = limit}})}));
  std::vector<Followed> averages = TRY(Averages(tree));
  TRY(RequirePressureFile(*averages.front().group, kFile));
  stress::CpuHog hog = TRY(stress::CpuHog::Start(
      {.group = averages.front().group, .affinity = CpuSet{context.QuietCpu()}}));
  TRY(hog.AwaitReady(context.patience()));

  const Clock& clock = context.clock();
  const Nanoseconds begun = clock.Now();
  const Seconds longest = context.Protected() ? kLongest : kControl;
  const auto all_decided = [&] {
    return std::ranges::all_of(averages, [](const Followed& each) { return each.Decided(); });
  };
  while (!all_decided() && Seconds(clock.Now() - begun) < longest) {
    TRY(ReadAll(clock, averages));
    clock.WaitUntil(clock.Now() + kEvery);
  }

  results::Arm arm = DescribedArm(tree, context.Protected() ? "cpu limit 500m" : "no cpu limit");
  const results::Expectation half{0.5, Relation::kAtLeast, 0.1, "ratio"};
  const results::Measurement first = averages.front().TakenIn();
  arm.checks = {{"part of a period that avg10 (`some`) of the container took in", half, first,
                 measure::Judge(half, first)}};
  for (Followed& each : averages) arm.checks.push_back(std::move(each.check));
  arm.load = {{"hog", "rounds", 1, static_cast<double>(hog.Work())}};
  if (context.Protected()) {
    const auto stat = TRY(cgroup::ReadCpuStat(*TRY(tree.Pod("pod"))));
    const auto own = TRY(cgroup::ReadCpuStat(*averages.front().group));
    arm.load.push_back({"periods in which it was throttled", "count", 10,
                        static_cast<double>(stat.nr_throttled + own.nr_throttled)});
  }
  return arm;
}

}  // namespace

Claim PsiAverages() {
  return {
      .id = "psi.averages",
      .statement =
          "avg10 and avg60 of a pressure file are running averages of what its total grows, at "
          "every level of the tree.",
      .source =
          "Documentation/accounting/psi.rst; kernel/sched/psi.c, update_averages() and "
          "calc_avgs(); Kubernetes 1.36, KubeletPSI",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ── burstable ── pod  cpu.max 50000 100000 ── main",
           .load = "A hog pinned to the highest-numbered CPU, alone in the tree. cpu.pressure of "
                   "every level is read every 5 ms until each average has been followed over a "
                   "whole period.",
           .expected =
               "Every 2 s and a tick the kernel keeps 1677 (avg10) or 1981 (avg60) of 2048 parts "
               "of an average, and adds the rest of what the period's share of stalled time was. "
               "What it added is what `total` grew, for `some` at every level and for `full` of "
               "the container; over 10 s half of the time and more, which is what the quota "
               "leaves.",
           .tolerance =
               "0.05: the kernel takes in whole percents, cut off (1 of 50, 0.02), and shows "
               "hundredths (for avg60 0.6 of a percent of 50, 0.01). When an average was renewed "
               "is "
               "known to the readings around it; the bounds say so, and a period whose ends a "
               "stall of the node blurs is followed by another. 0.1 of the half: what a quota may "
               "be overrun by. avg300 moves by a third of a percent a period, too little to tell.",
           .control = "No cpu limit: the hog does not wait, and no average moves."},
      .measure = MeasureAverages};
}

}  // namespace nodeproof::conformance
