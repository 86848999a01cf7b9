// What the hint providers (CPU Manager, Memory Manager) tell the Topology Manager, and how two
// merged hints compare. Source: pkg/kubelet/cm/topologymanager/policy.go, Kubernetes 1.36.2.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/kubelet/topology_manager/numa_mask.h"

namespace nodeproof::topology_manager {

struct TopologyHint {
  std::optional<NumaMask> affinity;  // nothing: any NUMA node will do
  bool preferred = false;
  bool operator==(const TopologyHint&) const = default;
};

using HintList = std::vector<TopologyHint>;

// A provider's hints for each resource. No resource at all: no preference. A resource without a
// list: no preference for it. A resource with an empty list: it cannot be satisfied.
using ProviderHints = std::map<std::string, std::optional<HintList>>;

// The nodes of a machine. Ids need not be contiguous; `distances[node]` is the row of
// /sys/devices/system/node/node<node>/distance, indexed by node id, and may be missing when
// prefer-closest-numa-nodes is off.
struct NumaInfo {
  std::vector<int> nodes;
  std::map<int, std::vector<int64_t>> distances;
};

// One list a resource, in the form in which lists are merged: what had no preference has become one
// preferred hint for any node, what cannot be satisfied one non-preferred hint for any node.
std::vector<HintList> ListsToMerge(const std::vector<ProviderHints>& providers);

// Keeps the preferred hints that name one node or none: what single-numa-node merges.
std::vector<HintList> SingleNumaHints(const std::vector<HintList>& lists);

// The size of the narrowest mask of each resource, and of these the largest; 0 without any mask.
int MaxOfMinAffinityCounts(const std::vector<HintList>& lists);

// The mean over all ordered pairs of nodes of `mask`, each node with itself included. Pairs whose
// distance is unknown count as 0; an empty mask has the mean 0.
double AverageDistance(const NumaInfo& numa, NumaMask mask);

enum class Better { kCurrent, kCandidate };

struct CompareRule {
  // Masks larger than this are worse, among hints that are not preferred, than masks that are not.
  int best_non_preferred_affinity_count = 0;
  // With prefer-closest-numa-nodes: the machine whose distances decide between equal counts.
  const NumaInfo* closest = nullptr;
};

// Which of two merged hints the Topology Manager keeps. Both masks must be known; a candidate with
// an empty mask never wins, and nothing (`current` null) loses to any other candidate.
Better CompareHints(const TopologyHint* current, const TopologyHint& candidate,
                    const CompareRule& rule);

}  // namespace nodeproof::topology_manager
