// The four policies of the kubelet's Topology Manager: provider hints in, one NUMA affinity and an
// admission verdict out. Sources: pkg/kubelet/cm/topologymanager/policy*.go, Kubernetes 1.36.2.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/topology_manager/hints.h"

namespace nodeproof::topology_manager {

enum class Policy { kNone, kBestEffort, kRestricted, kSingleNumaNode };
enum class Scope { kContainer, kPod };

inline constexpr int kDefaultMaxNumaNodes = 8;

struct PolicyOptions {
  bool prefer_closest_numa_nodes = false;
  int max_allowable_numa_nodes = kDefaultMaxNumaNodes;
};

// "none", "best-effort", "restricted", "single-numa-node".
Result<Policy> ParsePolicy(std::string_view name);
std::string_view PolicyName(Policy policy);
// "container", "pod".
Result<Scope> ParseScope(std::string_view name);

// topologyManagerPolicyOptions: prefer-closest-numa-nodes (a Go boolean) and
// max-allowable-numa-nodes (at least 8). Unknown names and bad values are errors.
Result<PolicyOptions> ParsePolicyOptions(
    const std::map<std::string, std::string, std::less<>>& options);

// The kubelet does not start with a policy other than none on more nodes than it may have.
Status CheckNumaNodeCount(Policy policy, const PolicyOptions& options, size_t numa_nodes);

struct MergeResult {
  TopologyHint hint;
  bool admit = false;
};

// Merges what the providers say under `policy`. The cost grows with the number of different masks,
// not with the number of permutations of hints. NUMA ids must be 0 to 63.
MergeResult MergeHints(Policy policy, const PolicyOptions& options, const NumaInfo& numa,
                       const std::vector<ProviderHints>& providers);

}  // namespace nodeproof::topology_manager
