#include "harness/kubelet/topology_manager/topology_policy.h"

#include <array>
#include <unordered_set>
#include <utility>

#include "harness/base/file.h"
#include "harness/kubelet/topology_manager/go_values.h"

namespace nodeproof::topology_manager {
namespace {

constexpr std::array<std::pair<Policy, std::string_view>, 4> kPolicyNames{{
    {Policy::kNone, "none"},
    {Policy::kBestEffort, "best-effort"},
    {Policy::kRestricted, "restricted"},
    {Policy::kSingleNumaNode, "single-numa-node"},
}};

// How far a permutation of hints has been merged. The kubelet marks a permutation preferred only if
// every hint is and all masks named are identical.
struct Partial {
  enum class Kind { kAnyNode, kIdentical, kNotPreferred };
  NumaMask mask;
  Kind kind = Kind::kAnyNode;
};

Partial Extend(const Partial& partial, const TopologyHint& hint) {
  using Kind = Partial::Kind;
  if (!hint.affinity) {
    return {partial.mask, hint.preferred ? partial.kind : Kind::kNotPreferred};
  }
  if (!hint.preferred || partial.kind == Kind::kNotPreferred) {
    return {partial.mask & *hint.affinity, Kind::kNotPreferred};
  }
  // While all masks are identical, keep them as the provider said them; what lies outside the
  // machine goes at the end.
  if (partial.kind == Kind::kAnyNode) return {*hint.affinity, Kind::kIdentical};
  if (partial.mask == *hint.affinity) return partial;
  return {partial.mask & *hint.affinity, Kind::kNotPreferred};
}

// The different outcomes of a product of hint lists. CompareHints is a total order, so the best of
// the distinct outcomes is what the kubelet finds by walking every permutation.
class Merger {
 public:
  explicit Merger(NumaMask all_nodes) : all_nodes_(all_nodes), partials_{Partial{all_nodes, {}}} {}

  void Add(const HintList& hints) {
    std::vector<Partial> next;
    std::unordered_set<uint64_t> seen_by_kind[3];
    std::vector<bool> seen_small(3u << kSmallBits, false);
    for (const Partial& partial : partials_) {
      for (const TopologyHint& hint : hints) {
        const Partial extended = Extend(partial, hint);
        const auto kind = static_cast<size_t>(extended.kind);
        const uint64_t bits = extended.mask.bits();
        if (bits < (uint64_t{1} << kSmallBits)) {
          auto seen = seen_small[kind << kSmallBits | bits];
          if (seen) continue;
          seen = true;
        } else if (!seen_by_kind[kind].insert(bits).second) {
          continue;
        }
        next.push_back(extended);
      }
    }
    partials_ = std::move(next);
  }

  TopologyHint Best(const CompareRule& rule) const {
    std::optional<TopologyHint> best;
    for (const Partial& partial : partials_) {
      const TopologyHint candidate{partial.mask & all_nodes_,
                                   partial.kind != Partial::Kind::kNotPreferred};
      const TopologyHint* current = best ? &*best : nullptr;
      if (CompareHints(current, candidate, rule) == Better::kCandidate) best = candidate;
    }
    return best.value_or(TopologyHint{all_nodes_, false});
  }

 private:
  static constexpr unsigned kSmallBits = 8;  // masks of nodes 0-7 are found without hashing
  NumaMask all_nodes_;
  std::vector<Partial> partials_;
};

}  // namespace

Result<Policy> ParsePolicy(std::string_view name) {
  for (const auto& [policy, known] : kPolicyNames) {
    if (known == name) return policy;
  }
  return std::unexpected(
      WithHint(Error{fmt::format("unknown Topology Manager policy '{}'", name), "", 0},
               "use none, best-effort, restricted or single-numa-node"));
}

std::string_view PolicyName(Policy policy) {
  for (const auto& [known, name] : kPolicyNames) {
    if (known == policy) return name;
  }
  return "none";
}

Result<Scope> ParseScope(std::string_view name) {
  if (name == "container") return Scope::kContainer;
  if (name == "pod") return Scope::kPod;
  return std::unexpected(
      WithHint(Error{fmt::format("unknown Topology Manager scope '{}'", name), "", 0},
               "use container or pod"));
}

Result<PolicyOptions> ParsePolicyOptions(
    const std::map<std::string, std::string, std::less<>>& options) {
  PolicyOptions parsed;
  for (const auto& [name, value] : options) {
    if (name == "prefer-closest-numa-nodes") {
      const auto on = ParseGoBool(value);
      if (!on) return Fail("bad value for option \"{}\": \"{}\" is not a boolean", name, value);
      parsed.prefer_closest_numa_nodes = *on;
    } else if (name == "max-allowable-numa-nodes") {
      const auto most = ParseGoInt(value);
      if (!most) {
        return Fail("unable to convert policy option to integer \"{}\": \"{}\" is not a number",
                    name, value);
      }
      if (*most < kDefaultMaxNumaNodes) {
        return Fail("the minimum value of \"{}\" should not be less than {}", name,
                    kDefaultMaxNumaNodes);
      }
      parsed.max_allowable_numa_nodes = *most;
    } else {
      return Fail("unknown Topology Manager Policy option: \"{}\"", name);
    }
  }
  return parsed;
}

Status CheckNumaNodeCount(Policy policy, const PolicyOptions& options, size_t numa_nodes) {
  if (policy == Policy::kNone) return {};
  if (numa_nodes <= static_cast<size_t>(options.max_allowable_numa_nodes)) return {};
  return std::unexpected(
      WithHint(Error{fmt::format("unsupported on machines with more than {} NUMA nodes (this one "
                                 "has {})",
                                 options.max_allowable_numa_nodes, numa_nodes),
                     "", 0},
               "raise the topologyManagerPolicyOptions entry max-allowable-numa-nodes"));
}

MergeResult MergeHints(Policy policy, const PolicyOptions& options, const NumaInfo& numa,
                       const std::vector<ProviderHints>& providers) {
  if (policy == Policy::kNone) return {TopologyHint{}, true};
  uint64_t all_bits = 0;
  for (const int node : numa.nodes) all_bits |= uint64_t{1} << (node & kHighestNumaNode);
  const NumaMask all_nodes(all_bits);

  std::vector<HintList> lists = ListsToMerge(providers);
  if (policy == Policy::kSingleNumaNode) lists = SingleNumaHints(lists);
  Merger merger(all_nodes);
  for (const HintList& hints : lists) merger.Add(hints);

  CompareRule rule{MaxOfMinAffinityCounts(lists), nullptr};
  if (options.prefer_closest_numa_nodes && policy != Policy::kSingleNumaNode) rule.closest = &numa;
  TopologyHint best = merger.Best(rule);
  if (policy == Policy::kSingleNumaNode && best.affinity == all_nodes) best.affinity.reset();
  return {best, policy == Policy::kBestEffort || best.preferred};
}

}  // namespace nodeproof::topology_manager
