// cpu.weight in trees drawn at random, against the water-filling prediction.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/water_filling.h"
#include "conformance/cpu/weight_plans.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

// Trees in one run, and with --thorough.
constexpr int kTrees = 1;
constexpr int kThoroughTrees = 20;

// One container and its load.
struct Leaf {
  std::string pod;
  std::string container;
  int64_t request_milli = 0;
  double demand = 1;    // CPUs
  double expected = 0;  // CPUs, by the plan's weights
  double equal = 0;     // CPUs, were all weights equal
};

struct RandomTree {
  std::vector<kubelet::Pod> pods;
  std::vector<Leaf> leaves;  // the one whose share depends most on weights first
};

// std's distributions differ between libraries; this does not.
double Uniform(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
}

// Three to four pods of one to three containers, each of which requests 0.1 to 4 CPUs (any scale is
// as likely) and is a hog, or, three times in ten, wants 4 to 12 % of a CPU. The first pod is
// Guaranteed.
RandomTree Draw(std::mt19937_64& random) {
  RandomTree tree;
  const int pods = 3 + static_cast<int>(random() % 2);
  for (int i = 0; i < pods; ++i) {
    const std::string pod = fmt::format("pod-{}", i);
    std::vector<Leaf> own;
    const int containers = 1 + static_cast<int>(random() % 3);
    for (int j = 0; j < containers; ++j) {
      Leaf leaf{pod, fmt::format("c{}", j)};
      leaf.request_milli = std::lround(100 * std::pow(40, Uniform(random, 0, 1)));
      if (Uniform(random, 0, 1) < 0.3) leaf.demand = Uniform(random, 0.04, 0.12);
      own.push_back(std::move(leaf));
    }
    std::vector<std::string> requests;
    for (const Leaf& leaf : own) requests.push_back(fmt::format("{}m", leaf.request_milli));
    std::vector<ContainerAsks> asks;
    for (size_t j = 0; j < own.size(); ++j) {
      asks.push_back({.name = own[j].container, .cpu_request = requests[j]});
      if (i > 0) continue;
      asks.back().cpu_limit = requests[j];
      asks.back().memory_request = asks.back().memory_limit = "64Mi";
    }
    tree.pods.push_back(MakePod(pod, asks));
    std::ranges::move(own, std::back_inserter(tree.leaves));
  }
  return tree;
}

// What each leaf gets of one CPU by the weights of `plan`.
Result<std::vector<double>> Predict(const kubelet::Plan& plan, const std::vector<Leaf>& leaves) {
  std::vector<PlannedLoad> loads;
  for (const Leaf& leaf : leaves) {
    loads.push_back({TRY(PathOfContainer(plan, leaf.pod, leaf.container)), leaf.demand});
  }
  return PredictCpus(plan, loads, 1);
}

// Whether a measurement of the tree can say anything: no share is too small to tell from nothing,
// who wants less than a CPU would get half as much again (so that it is met also when it is woken
// late), and weights matter.
Result<bool> IsTelling(const kubelet::Plan& plan, const RandomTree& tree) {
  const std::vector<Leaf>& leaves = tree.leaves;
  if (leaves.size() > 10 || std::abs(leaves[0].expected - leaves[0].equal) < 0.15) return false;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].expected < 0.03) return false;
    if (leaves[i].demand == 1) continue;
    std::vector<Leaf> greedy = leaves;
    greedy[i].demand = 1;
    if (TRY(Predict(plan, greedy))[i] < 1.5 * leaves[i].demand) return false;
  }
  const auto hogs = std::ranges::count(leaves, 1.0, &Leaf::demand);
  return hogs >= 3 && hogs < std::ssize(leaves);
}

Result<RandomTree> DrawTellingTree(ArmContext& context) {
  // About one draw in ten passes.
  for (int i = 0; i < 10'000; ++i) {
    RandomTree tree = Draw(context.random());
    kubelet::Plan plan = TRY(context.MakePlan(LargeNode(), WeightsOnly(), tree.pods));
    const std::vector<double> expected = TRY(Predict(plan, tree.leaves));
    kubelet::Plan equalized = plan;
    EqualizeWeights(equalized);
    const std::vector<double> equal = TRY(Predict(equalized, tree.leaves));
    for (size_t j = 0; j < tree.leaves.size(); ++j) {
      tree.leaves[j].expected = expected[j];
      tree.leaves[j].equal = equal[j];
    }
    std::ranges::sort(tree.leaves, std::greater(), [](const Leaf& leaf) {
      return leaf.demand == 1 ? std::abs(leaf.expected - leaf.equal) : -leaf.demand;
    });
    if (TRY(IsTelling(plan, tree))) return tree;
  }
  return Fail("no tree drawn with this seed can tell weights from equal ones; use another --seed");
}

// kubepods ─┬─ pod-0 (Guaranteed) ─┬─ c0
//           │                      └─ …
//           └─ burstable ─┬─ pod-1 ─┬─ c0
//                         │         └─ …
//                         └─ pod-2 …
Result<results::Arm> MeasureRandomTree(ArmContext& context) {
  const bool is_protected = context.Protected();
  const RandomTree drawn = TRY(DrawTellingTree(context));
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (!is_protected) EqualizeWeights(plan);
    return {};
  };
  const capsule::Tree tree = TRY(context.Plant(LargeNode(), WeightsOnly(), drawn.pods, edit));
  double all = 0;
  for (const Leaf& leaf : drawn.leaves) all += leaf.expected;
  std::vector<Contender> contenders;
  for (const Leaf& leaf : drawn.leaves) {
    contenders.push_back(TRY(InContainer(tree, leaf.pod, leaf.container, leaf.expected / all)));
    contenders.back().demand = leaf.demand;
  }
  return MeasureShares(context, tree, CpuSet{context.QuietCpu()}, std::move(contenders),
                       is_protected ? "the kubelet's weights" : "every weight 100");
}

// Adds what another tree found to the arm.
void Append(results::Arm& arm, results::Arm more, int tree) {
  const std::string name = fmt::format("tree {}: ", tree);
  for (results::Check& check : more.checks) check.name = name + check.name;
  for (results::LoadProof& load : more.load) load.name = name + load.name;
  for (std::string& note : more.notes) note = name + note;
  std::ranges::move(more.checks, std::back_inserter(arm.checks));
  std::ranges::move(more.load, std::back_inserter(arm.load));
  std::ranges::move(more.notes, std::back_inserter(arm.notes));
  std::ranges::move(more.tree, std::back_inserter(arm.tree));
}

// The control arm needs one tree to show that the check can fail.
Result<results::Arm> MeasureTrees(ArmContext& context) {
  const bool many = context.Protected() && context.environment().thorough;
  const int trees = many ? kThoroughTrees : kTrees;
  results::Arm arm;
  for (int i = 1; i <= trees; ++i) {
    results::Arm one = TRY(MeasureRandomTree(context));
    arm.description = one.description;
    Append(arm, std::move(one), i);
  }
  arm.notes.push_back(fmt::format("drawn with seed {}", context.environment().seed));
  return arm;
}

}  // namespace

Claim CpuWeightTree() {
  return {
      .id = "cpu.weight.tree",
      .statement =
          "In any tree of pods and containers, some of which want less than their share, "
          "each gets what demand-capped water-filling by the kubelet's and the runtime's "
          "weights says.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"Weights\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ─┬─ pod-0 (Guaranteed) ── 1 to 3 containers\n"
                   "          └─ burstable ── 2 or 3 pods ── 1 to 3 containers each\n"
                   "drawn at random with the run's seed: requests of 0.1 to 4 CPUs, weights as "
                   "they follow",
           .load =
               "In each container a CPU hog, or, three times in ten, a load that wants 4 to 12 % "
               "of a CPU, all on the highest-numbered CPU. One tree, with --thorough 20.",
           .expected = "At each level a sibling that wants less than its part gets what it wants, "
                       "and the others share the rest by weight. Trees in which a share would be "
                       "below 0.03, or that equal weights would change by less than 0.15, are "
                       "drawn again.",
           .tolerance = kShareToleranceText,
           .control = "Every weight of the (first) tree 100: the first container's share is off by "
                      "at least 0.15, so the check must fail."},
      .thorough_factor = kThoroughTrees,
      .measure = MeasureTrees};
}

}  // namespace nodeproof::conformance
