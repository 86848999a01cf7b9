// cpu.weight when not everybody wants all: what one leaves goes to the others. And what weight does
// not depend on: how many tasks a group has.
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/water_filling.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// burstable ─┬─ pod idle    400   nobody
//            ├─ pod modest  200   a load that uses 15 % of CPU N
//            ├─ pod light   100   one hog, pinned to CPU N
//            └─ pod heavy   300   one hog, pinned to CPU N
// In the control arm modest wants all that it can get, and idle too: nothing is left over.
Result<results::Arm> MeasureWorkConserving(ArmContext& context) {
  constexpr double kModest = 0.15;
  const bool is_protected = context.Protected();
  std::vector<double> cpus;  // heavy, light, modest
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "idle")), 400));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "modest")), 200));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "light")), 100));
    TRY(OverrideWeight(plan, TRY(PathOfPod(plan, "heavy")), 300));
    const std::vector<PlannedLoad> loads = {{TRY(PathOfContainer(plan, "heavy"))},
                                            {TRY(PathOfContainer(plan, "light"))},
                                            {TRY(PathOfContainer(plan, "modest")), kModest}};
    cpus = TRY(PredictCpus(plan, loads, 1));
    return {};
  };
  std::vector<kubelet::Pod> pods;
  for (const char* name : {"idle", "modest", "light", "heavy"}) {
    pods.push_back(MakePod(name, {{.cpu_request = "500m"}}));
  }
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  std::vector<Contender> contenders = {TRY(InPod(tree, "heavy", cpus[0])),
                                       TRY(InPod(tree, "light", cpus[1])),
                                       TRY(InPod(tree, "modest", cpus[2]))};
  if (is_protected) {
    contenders[2].demand = kModest;
  } else {
    contenders.push_back(TRY(InPod(tree, "idle", 0)));
  }
  Contest contest = TRY(Contest::Start(context, CpuSet{context.QuietCpu()}, std::move(contenders)));
  std::vector<StretchQuantity> quantities = contest.Shares();
  quantities.push_back(
      {{"part of the time that the CPU was idle", {0, Relation::kAtMost, 0.02, "ratio"}},
       [](const Stretch& stretch) { return stretch.idle / stretch.wall; }});
  std::vector<results::Check> checks = TRY(contest.Measure(quantities));
  return contest.Report(is_protected ? "one sibling idle, one with 15 % of a CPU"
                                     : "every sibling wants all it can get",
                        tree, std::move(checks), Contest::Capacity::kJudged);
}

// burstable ─┬─ pod many  weight 39   eight hogs, pinned to CPU N
//            └─ pod one   weight 39   one hog, pinned to CPU N
// In the control arm pod many has all nine.
Result<results::Arm> MeasureThreads(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<kubelet::Pod> pods = {MakePod("many", {{.cpu_request = "1"}}),
                                          MakePod("one", {{.cpu_request = "1"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods));
  Contender many = TRY(InPod(tree, "many", 0.5));
  Contender one = TRY(InPod(tree, is_protected ? "one" : "many", 0.5));
  many.name = "the eight";
  one.name = "the one";
  many.hogs = 8;
  many.counted_at = one.counted_at = nullptr;
  return MeasureShares(
      context, tree, CpuSet{context.QuietCpu()}, {std::move(many), std::move(one)},
      is_protected ? "eight tasks in one pod, one in the other" : "all nine tasks in one pod");
}

}  // namespace

Claim CpuWeightWorkConserving() {
  return {
      .id = "cpu.weight.work-conserving",
      .statement =
          "What an idle group leaves of its share goes to its busy siblings, by their "
          "weights; no CPU time is lost.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Weights\" (\"work-conserving\")",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod idle    400\n"
                   "           ├─ pod modest  200\n"
                   "           ├─ pod light   100\n"
                   "           └─ pod heavy   300",
           .load = "One CPU hog in light and in heavy, and a load in modest that wants 15 % of a "
                   "CPU (its part by weight would be 33 %), all on the highest-numbered CPU. "
                   "Nobody in idle.",
           .expected = "Demand-capped water-filling: modest 0.15, light 0.85 / 4 = 0.213, heavy "
                       "0.638 of the CPU, which is never idle (/proc/stat).",
           .tolerance = std::string(kShareToleranceText) +
                        " Idle: with two hogs that never wait the CPU has no reason to be, but "
                        "/proc/stat counts in "
                        "steps of 10 ms, 0.025 of a window and less than 0.004 of eight; 0.02 may "
                        "be lost. What "
                        "interrupts and other tasks take of the CPU is not idle.",
           .control = "Hogs in idle and modest too: nothing is left over, and heavy gets its 0.30 "
                      "and no more, so the check must fail."},
      .measure = MeasureWorkConserving};
}

Claim CpuWeightThreads() {
  return {
      .id = "cpu.weight.threads",
      .statement =
          "A group with eight busy tasks gets no more than its sibling of the same weight "
          "with one.",
      .source =
          "Documentation/scheduler/sched-design-CFS.rst, \"Group scheduler extensions\"; "
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod many  cpu.weight 39\n"
                   "           └─ pod one   cpu.weight 39",
           .load = "Eight CPU hogs in many, one in one, all pinned to the highest-numbered CPU.",
           .expected = "Half of the CPU for the eight, half for the one, by the tasks' own CPU "
                       "clocks and by work done. (To the scheduler a thread and a process are the "
                       "same: a task.)",
           .tolerance = kShareToleranceText,
           .control = "All nine in pod many: the eight get 8 / 9, so the check must fail."},
      .measure = MeasureThreads};
}

}  // namespace nodeproof::conformance
