#include "harness/kubelet/topology_manager/hints.h"

#include <algorithm>

namespace nodeproof::topology_manager {
namespace {

// -1: none of these hints names a node.
int NarrowestCount(const HintList& hints) {
  int narrowest = -1;
  for (const TopologyHint& hint : hints) {
    if (!hint.affinity) continue;
    const int count = hint.affinity->Count();
    if (narrowest < 0 || count < narrowest) narrowest = count;
  }
  return narrowest;
}

int64_t Distance(const NumaInfo& numa, int from, int to) {
  const auto row = numa.distances.find(from);
  if (row == numa.distances.end() || static_cast<size_t>(to) >= row->second.size()) return 0;
  return row->second[static_cast<size_t>(to)];
}

bool CandidateIsCloser(NumaMask current, NumaMask candidate, const NumaInfo& numa) {
  const double current_distance = AverageDistance(numa, current);
  const double candidate_distance = AverageDistance(numa, candidate);
  if (current_distance != candidate_distance) return candidate_distance < current_distance;
  return candidate.bits() < current.bits();
}

Better CompareMasks(NumaMask current, NumaMask candidate, const CompareRule& rule) {
  if (current == candidate) return Better::kCurrent;
  const bool by_distance = rule.closest != nullptr && current.Count() == candidate.Count();
  const bool candidate_wins = by_distance ? CandidateIsCloser(current, candidate, *rule.closest)
                                          : candidate.IsNarrowerThan(current);
  return candidate_wins ? Better::kCandidate : Better::kCurrent;
}

// Both hints are not preferred: the count closest to, but not above, the rule's count wins.
Better CompareNonPreferred(NumaMask current, NumaMask candidate, const CompareRule& rule) {
  const int best = rule.best_non_preferred_affinity_count;
  const int current_count = current.Count();
  const int candidate_count = candidate.Count();
  if (current_count > best) return CompareMasks(current, candidate, rule);
  if (current_count == best) {
    return candidate_count == best ? CompareMasks(current, candidate, rule) : Better::kCurrent;
  }
  if (candidate_count > best) return Better::kCurrent;
  if (candidate_count == best || candidate_count > current_count) return Better::kCandidate;
  if (candidate_count < current_count) return Better::kCurrent;
  return CompareMasks(current, candidate, rule);
}

}  // namespace

std::vector<HintList> ListsToMerge(const std::vector<ProviderHints>& providers) {
  const TopologyHint any_node_preferred{std::nullopt, true};
  const TopologyHint any_node_not_preferred{std::nullopt, false};
  std::vector<HintList> lists;
  for (const ProviderHints& provider : providers) {
    if (provider.empty()) lists.push_back({any_node_preferred});
    for (const auto& [resource, hints] : provider) {
      if (!hints) {
        lists.push_back({any_node_preferred});
      } else if (hints->empty()) {
        lists.push_back({any_node_not_preferred});
      } else {
        lists.push_back(*hints);
      }
    }
  }
  return lists;
}

std::vector<HintList> SingleNumaHints(const std::vector<HintList>& lists) {
  std::vector<HintList> filtered;
  for (const HintList& hints : lists) {
    HintList& kept = filtered.emplace_back();
    std::copy_if(hints.begin(), hints.end(), std::back_inserter(kept),
                 [](const TopologyHint& hint) {
                   return hint.preferred && (!hint.affinity || hint.affinity->Count() == 1);
                 });
  }
  return filtered;
}

int MaxOfMinAffinityCounts(const std::vector<HintList>& lists) {
  int largest = 0;
  for (const HintList& hints : lists) largest = std::max(largest, NarrowestCount(hints));
  return largest;
}

double AverageDistance(const NumaInfo& numa, NumaMask mask) {
  if (mask.Count() == 0) return 0;
  double sum = 0;
  const std::vector<int> nodes = mask.Nodes();
  for (const int from : nodes) {
    for (const int to : nodes) sum += static_cast<double>(Distance(numa, from, to));
  }
  return sum / static_cast<double>(nodes.size() * nodes.size());
}

Better CompareHints(const TopologyHint* current, const TopologyHint& candidate,
                    const CompareRule& rule) {
  const NumaMask candidate_mask = candidate.affinity.value_or(NumaMask());
  if (candidate_mask.Count() == 0) return Better::kCurrent;
  if (current == nullptr) return Better::kCandidate;
  if (candidate.preferred != current->preferred) {
    return candidate.preferred ? Better::kCandidate : Better::kCurrent;
  }
  const NumaMask current_mask = current->affinity.value_or(NumaMask());
  return current->preferred ? CompareMasks(current_mask, candidate_mask, rule)
                            : CompareNonPreferred(current_mask, candidate_mask, rule);
}

}  // namespace nodeproof::topology_manager
