// cpu.weight that changes while its group runs, and the weights that a runtime computes.
#include <array>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"
#include "harness/cgroup/knobs.h"

namespace nodeproof::conformance {
namespace {

using kubelet::WeightFormula;
using results::Relation;

// The weight of a pod that requests `cpu`, as the kubelet writes it.
int64_t PodWeight(MilliCpu cpu) {
  return kubelet::SharesToWeightByKubelet(kubelet::MilliCpuToShares(cpu));
}

// Writes another cpu.weight to a pod that runs; what the kernel does not keep is noted.
Status Resize(const capsule::Tree& tree, std::string_view pod, int64_t weight,
              std::vector<std::string>& notes) {
  const auto reading =
      TRY(cgroup::SetKnob(*TRY(tree.Pod(pod)), "cpu.weight", fmt::format("{}", weight)));
  if (!reading.kept) {
    notes.push_back(fmt::format("cpu.weight of {}: wrote {}, kernel holds {}", pod, reading.wanted,
                                reading.taken));
  }
  return {};
}

// burstable ─┬─ pod raised   500m, weight 20, then 3 CPUs, weight 118   one hog, pinned to CPU N
//            └─ pod lowered  3 CPUs, weight 118, then 1 CPU, weight 39  one hog, pinned to CPU N
Result<results::Arm> MeasureResize(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<kubelet::Pod> pods = {MakePod("raised", {{.cpu_request = "500m"}}),
                                          MakePod("lowered", {{.cpu_request = "3"}})};
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods));
  const int64_t raised = PodWeight({3000});
  const int64_t lowered = PodWeight({1000});
  const double share = static_cast<double>(raised) / static_cast<double>(raised + lowered);
  Contest contest = TRY(
      Contest::Start(context, CpuSet{context.QuietCpu()},
                     {TRY(InPod(tree, "raised", share)), TRY(InPod(tree, "lowered", 1 - share))}));
  // The old weights must have been at work before the new ones come: until both have run.
  TRY(contest.AwaitWork());
  std::vector<std::string> notes;
  if (is_protected) {
    TRY(Resize(tree, "raised", raised, notes));
    TRY(Resize(tree, "lowered", lowered, notes));
  }
  std::vector<results::Check> checks = TRY(contest.Measure(contest.Shares()));
  results::Arm arm = TRY(
      contest.Report(is_protected ? "resized from weights 20 and 118 to 118 and 39 while they run"
                                  : "the new weights are not written",
                     tree, std::move(checks)));
  arm.notes.insert(arm.notes.end(), notes.begin(), notes.end());
  return arm;
}

// The shares of cgroup v1 whose weights runtimes and their issues tell of (runc 1.3.2, crun 1.23).
constexpr std::array<int64_t, 8> kTable = {2, 102, 1024, 2000, 2048, 16384, 65536, 262144};

// How many of the table's weights, by either formula, the kernel holds as they were written.
int WeightsKept(const cgroup::Cgroup& group, std::vector<std::string>& notes) {
  int kept = 0;
  for (const WeightFormula formula : {WeightFormula::kLinear, WeightFormula::kQuadratic}) {
    for (const int64_t shares : kTable) {
      const int64_t weight = kubelet::SharesToWeightByRuntime(shares, formula);
      const auto reading = cgroup::SetKnob(group, "cpu.weight", fmt::format("{}", weight));
      if (reading && reading->kept) {
        ++kept;
        continue;
      }
      notes.push_back(fmt::format(
          "{} shares, {}: cpu.weight {}: {}", shares, kubelet::ToString(formula), weight,
          reading ? "kernel holds " + reading->taken : reading.error().message));
    }
  }
  return kept;
}

// Weights outside [1, 10000] that the kernel refuses.
int WeightsRefused(const cgroup::Cgroup& group) {
  int refused = 0;
  for (const char* weight : {"0", "10001"}) refused += !group.Write("cpu.weight", weight);
  return refused;
}

constexpr std::array<const char*, 3> kSmall = {"small-1", "small-2", "small-3"};

// The contenders of one pod: its large container and three small ones, which have half the CPU.
Status AddContenders(const capsule::Tree& tree, std::string_view pod, WeightFormula formula,
                     std::vector<Contender>& contenders) {
  const auto large = static_cast<double>(kubelet::SharesToWeightByRuntime(1024, formula));
  const auto small = static_cast<double>(kubelet::SharesToWeightByRuntime(102, formula));
  const double whole = 2 * (large + 3 * small);
  contenders.push_back(TRY(InContainer(tree, pod, "large", large / whole)));
  for (const char* name : kSmall) {
    contenders.push_back(TRY(InContainer(tree, pod, name, small / whole)));
  }
  return {};
}

// burstable ─┬─ pod linear ─┬─ large            1024 shares, weight 39
//            │              └─ small-1 … 3       102 shares, weight  4 each
//            └─ pod quadratic ─┬─ large         1024 shares, weight 100
//                              └─ small-1 … 3    102 shares, weight  17 each
// One hog in each container, all on CPU N. The control arm has the formulas of the pods swapped.
Result<results::Arm> MeasureConversion(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    for (const std::string_view pod : {"linear", "quadratic"}) {
      const bool is_linear = (pod == "linear") == is_protected;
      const WeightFormula formula = is_linear ? WeightFormula::kLinear : WeightFormula::kQuadratic;
      const std::string why = fmt::format("by the {} formula", kubelet::ToString(formula));
      TRY(OverrideWeight(plan, TRY(PathOfContainer(plan, pod, "large")),
                         kubelet::SharesToWeightByRuntime(1024, formula), why));
      for (const char* name : kSmall) {
        TRY(OverrideWeight(plan, TRY(PathOfContainer(plan, pod, name)),
                           kubelet::SharesToWeightByRuntime(102, formula), why));
      }
    }
    return {};
  };
  std::vector<kubelet::Pod> pods;
  for (const char* pod : {"linear", "quadratic"}) {
    std::vector<ContainerAsks> containers = {{.name = "large", .cpu_request = "1"}};
    for (const char* name : kSmall) containers.push_back({.name = name, .cpu_request = "100m"});
    pods.push_back(MakePod(pod, containers));
  }
  pods.push_back(MakePod("table", {{.cpu_request = "100m"}}));
  const capsule::Tree tree = TRY(context.Plant(FourCpuNode(), WeightsOnly(), pods, edit));
  std::vector<Contender> contenders;
  TRY(AddContenders(tree, "linear", WeightFormula::kLinear, contenders));
  TRY(AddContenders(tree, "quadratic", WeightFormula::kQuadratic, contenders));

  std::vector<std::string> notes;
  const cgroup::Cgroup& table = *TRY(tree.Container("table", "main"));
  const int kept = WeightsKept(table, notes);
  const int refused = WeightsRefused(table);
  Contest contest = TRY(Contest::Start(context, CpuSet{context.QuietCpu()}, std::move(contenders)));
  std::vector<results::Check> checks = TRY(contest.Measure(contest.Shares()));
  checks.push_back(measure::ExactCheck("weights of the table that the kernel keeps",
                                       {2.0 * kTable.size(), Relation::kAtLeast, 0, "count"},
                                       kept));
  checks.push_back(measure::ExactCheck("weights out of range that the kernel refuses",
                                       {2, Relation::kAtLeast, 0, "count"}, refused));
  results::Arm arm = TRY(contest.Report(
      is_protected ? "each pod by its formula" : "the formulas swapped", tree, std::move(checks)));
  arm.notes.insert(arm.notes.end(), notes.begin(), notes.end());
  return arm;
}

}  // namespace

Claim CpuWeightConversion() {
  return {
      .id = "cpu.weight.conversion",
      .statement =
          "The weights into which a runtime converts CPU shares, by the linear formula or "
          "the quadratic one, are what the kernel takes, keeps and enforces.",
      .source =
          "opencontainers/cgroups (linear before v0.0.3, quadratic since: runc 1.3.2, crun "
          "1.23); Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod linear ─┬─ large         1024 shares, cpu.weight 39\n"
                   "           │              └─ small-1 … 3    102 shares, cpu.weight 4 each\n"
                   "           ├─ pod quadratic ─┬─ large      1024 shares, cpu.weight 100\n"
                   "           │                 └─ small-1 … 3 102 shares, cpu.weight 17 each\n"
                   "           └─ pod table  written and read back, idle",
           .load = "One CPU hog in each container of the two pods, all pinned to the "
                   "highest-numbered CPU. The weights of 2, 102, 1024, 2000, 2048, 16384, 65536 "
                   "and 262144 shares by both formulas are written to table and read back, and 0 "
                   "and 10001, which are out of range.",
           .expected = "Each pod has half the CPU. Of the whole, linear/large gets 0.5 x 39 / 51 = "
                       "0.382 and quadratic/large 0.5 x 100 / 151 = 0.331; the small ones 0.039 "
                       "and 0.056 each. All 16 weights read back as written, both others are "
                       "refused.",
           .tolerance = kShareToleranceText,
           .control = "The formulas of the pods are swapped: linear/large gets 0.331, so the check "
                      "must fail."},
      .measure = MeasureConversion};
}

Claim CpuWeightResize() {
  return {
      .id = "cpu.weight.resize",
      .statement =
          "A cpu.weight that is changed while its group runs takes effect for what runs, "
          "as a pod that is resized in place needs it.",
      .source =
          "KEP-1287 (in-place update of pod resources); "
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod raised   cpu.weight 20 (500m), then 118 (3 CPUs)\n"
                   "           └─ pod lowered  cpu.weight 118 (3 CPUs), then 39 (1 CPU)",
           .load = "One CPU hog in each pod, both pinned to the highest-numbered CPU. When both "
                   "have run, the new weights are written; nothing is started again.",
           .expected = "raised gets 118 / 157 = 0.752 from then on.",
           .tolerance = kShareToleranceText,
           .control =
               "The new weights are not written: raised keeps 20 / 138 = 0.145, so the check "
               "must fail."},
      .measure = MeasureResize};
}

}  // namespace nodeproof::conformance
