#include "harness/kubelet/topology_manager/topology_policy.h"

#include <gtest/gtest.h>

#include <random>

namespace nodeproof::topology_manager {
namespace {

NumaMask Nodes(std::vector<int> nodes) { return NumaMask::Of(nodes).value(); }

TopologyHint Hint(std::vector<int> nodes, bool preferred) {
  return {Nodes(std::move(nodes)), preferred};
}

NumaInfo Machine(std::vector<int> nodes) { return {std::move(nodes), {}}; }

TEST(NumaMask, WalksSubsetsBySizeThenInOrder) {
  std::vector<std::string> masks;
  const std::vector<int> nodes{0, 2, 5};
  for (const NumaMask mask : AllMasks(nodes)) masks.push_back(mask.ToString());
  EXPECT_EQ(masks, (std::vector<std::string>{"0", "2", "5", "0,2", "0,5", "2,5", "0,2,5"}));
  EXPECT_FALSE(NumaMask::Of(std::vector<int>{64}));
  EXPECT_FALSE(CheckNodesForHints(std::vector<int>(17, 0)));
}

TEST(MergeHints, NobodyHasAPreference) {
  const auto merged = MergeHints(Policy::kRestricted, {}, Machine({0, 3}), {{}, {}});
  EXPECT_EQ(merged.hint, Hint({0, 3}, true));
  EXPECT_TRUE(merged.admit);
}

TEST(MergeHints, SingleNumaNodeReportsTheWholeMachineAsAnyNode) {
  const ProviderHints cpu{{"cpu", HintList{Hint({0}, true)}}};
  EXPECT_EQ(MergeHints(Policy::kSingleNumaNode, {}, Machine({0}), {cpu}).hint,
            (TopologyHint{std::nullopt, true}));
  EXPECT_EQ(MergeHints(Policy::kSingleNumaNode, {}, Machine({0, 1}), {cpu}).hint, Hint({0}, true));
  const ProviderHints wide{{"cpu", HintList{Hint({0, 1}, true)}}};
  EXPECT_FALSE(MergeHints(Policy::kSingleNumaNode, {}, Machine({0, 1}), {wide}).admit);
  EXPECT_TRUE(MergeHints(Policy::kRestricted, {}, Machine({0, 1}), {wide}).admit);
}

TEST(MergeHints, DistancesAreIndexedByNodeId) {
  // Nodes 0, 2, 5 with holes: 0 and 5 are near each other, 2 is far.
  NumaInfo numa = Machine({0, 2, 5});
  numa.distances = {
      {0, {10, 0, 40, 0, 0, 11}}, {2, {40, 0, 10, 0, 0, 40}}, {5, {11, 0, 40, 0, 0, 10}}};
  const ProviderHints cpu{{"cpu", HintList{Hint({0, 2}, true), Hint({0, 5}, true)}}};
  EXPECT_EQ(MergeHints(Policy::kBestEffort, {}, numa, {cpu}).hint, Hint({0, 2}, true));
  EXPECT_EQ(MergeHints(Policy::kBestEffort, {.prefer_closest_numa_nodes = true}, numa, {cpu}).hint,
            Hint({0, 5}, true));
}

// Every permutation, one after the other, as the kubelet does it.
MergeResult MergeByWalking(Policy policy, const PolicyOptions& options, const NumaInfo& numa,
                           const std::vector<ProviderHints>& providers) {
  const NumaMask all = Nodes(numa.nodes);
  std::vector<HintList> lists = ListsToMerge(providers);
  if (policy == Policy::kSingleNumaNode) lists = SingleNumaHints(lists);
  CompareRule rule{MaxOfMinAffinityCounts(lists), nullptr};
  if (options.prefer_closest_numa_nodes && policy != Policy::kSingleNumaNode) rule.closest = &numa;
  std::optional<TopologyHint> best;
  std::vector<TopologyHint> chosen;
  const auto walk = [&](const auto& self, size_t depth) -> void {
    if (depth < lists.size()) {
      for (const TopologyHint& hint : lists[depth]) {
        chosen.push_back(hint);
        self(self, depth + 1);
        chosen.pop_back();
      }
      return;
    }
    TopologyHint merged{all, true};
    std::optional<NumaMask> first;
    for (const TopologyHint& hint : chosen) {
      merged.preferred = merged.preferred && hint.preferred;
      if (!hint.affinity) continue;
      if (!first) first = hint.affinity;
      merged.preferred = merged.preferred && *hint.affinity == *first;
      merged.affinity = *merged.affinity & *hint.affinity;
    }
    if (CompareHints(best ? &*best : nullptr, merged, rule) == Better::kCandidate) best = merged;
  };
  walk(walk, 0);
  TopologyHint result = best.value_or(TopologyHint{all, false});
  if (policy == Policy::kSingleNumaNode && result.affinity == all) result.affinity.reset();
  return {result, policy == Policy::kBestEffort || result.preferred};
}

TEST(MergeHints, DistinctMasksGiveWhatEveryPermutationGives) {
  std::mt19937 random(5);
  for (int round = 0; round < 4000; ++round) {
    NumaInfo numa;
    const int stretch = 1 + static_cast<int>(random() % 9);
    const int count = 1 + static_cast<int>(random() % 5);
    for (int node = 0; node < count; ++node) numa.nodes.push_back(node * stretch);
    for (const int node : numa.nodes) {
      for (int to = 0; to <= numa.nodes.back(); ++to) {
        numa.distances[node].push_back(10 + static_cast<int64_t>(random() % 3));
      }
    }
    const std::vector<NumaMask> masks = AllMasks(numa.nodes);
    std::vector<ProviderHints> providers(random() % 4);
    for (ProviderHints& provider : providers) {
      for (size_t resource = random() % 3; resource > 0; --resource) {
        auto& list = provider[std::to_string(resource)];
        if (random() % 8 == 0) continue;
        list.emplace();
        for (size_t hints = random() % 5; hints > 0; --hints) {
          TopologyHint hint{masks[random() % masks.size()], random() % 2 == 0};
          if (random() % 8 == 0) hint.affinity = NumaMask(random() % 64);  // off the machine
          if (random() % 10 == 0) hint.affinity.reset();
          list->push_back(hint);
        }
      }
    }
    const PolicyOptions options{.prefer_closest_numa_nodes = random() % 2 == 0};
    for (const Policy policy :
         {Policy::kBestEffort, Policy::kRestricted, Policy::kSingleNumaNode}) {
      const MergeResult fast = MergeHints(policy, options, numa, providers);
      const MergeResult walked = MergeByWalking(policy, options, numa, providers);
      ASSERT_EQ(fast.hint, walked.hint) << "round " << round;
      ASSERT_EQ(fast.admit, walked.admit) << "round " << round;
    }
  }
}

TEST(PolicyOptions, BoundsAndNames) {
  EXPECT_FALSE(ParsePolicyOptions({{"max-allowable-numa-nodes", "7"}}));
  EXPECT_FALSE(ParsePolicyOptions({{"max-allowable-numa-nodes", "many"}}));
  EXPECT_EQ(ParsePolicyOptions({{"max-allowable-numa-nodes", "12"}})->max_allowable_numa_nodes, 12);
  EXPECT_FALSE(ParsePolicyOptions({{"prefer-closest", "true"}}));
  EXPECT_FALSE(CheckNumaNodeCount(Policy::kBestEffort, {}, 9));
  EXPECT_TRUE(CheckNumaNodeCount(Policy::kNone, {}, 9));
  EXPECT_TRUE(CheckNumaNodeCount(Policy::kBestEffort, {.max_allowable_numa_nodes = 12}, 9));
  EXPECT_FALSE(ParsePolicy("strict"));
  EXPECT_FALSE(ParseScope("node"));
}

}  // namespace
}  // namespace nodeproof::topology_manager
