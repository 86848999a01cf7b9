#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "harness/kubelet/cpu_manager/combinations.h"
#include "harness/kubelet/cpu_manager/take_by_topology.h"

namespace nodeproof::cpu_manager {
namespace {

constexpr double kNoScore = std::numeric_limits<double>::max();
// Combinations and remainder sets that one request may look at: all of a machine with 16 NUMA
// nodes. The kubelet itself would be busy for minutes beyond that.
constexpr int64_t kMaxEvaluations = 8'000'000;

double RoundToThousandths(double value) { return std::round(value * 1000) / 1000; }

double StandardDeviation(std::span<const int> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const int value : values) sum += value;
  const double mean = RoundToThousandths(sum / count);
  double squares = 0;
  for (const int value : values) squares += (value - mean) * (value - mean);
  return RoundToThousandths(std::sqrt(squares / count));
}

// The search for the k NUMA nodes that a request is spread over, and for those among them that
// give the remainder. Nodes are addressed by their index in the topology.
class Search {
 public:
  Search(const CpuAccumulator& accumulator, std::vector<int> nodes, size_t all_nodes, int num_cpus,
         const DistributedOptions& options)
      : nodes_(std::move(nodes)),
        num_cpus_(num_cpus),
        group_(options.cpu_group_size),
        quirks_(options.quirks),
        available_(all_nodes, 0),
        counted_(all_nodes, 0) {
    for (const int node : nodes_) {
      available_[static_cast<size_t>(node)] = accumulator.AvailableIn(Level::kNuma, node);
      counted_[static_cast<size_t>(node)] = 1;
    }
  }

  // Looks at every combination of `k` nodes. True if one of them can carry the request.
  std::expected<bool, AllocationError> Run(size_t k) {
    best_score_ = kNoScore;
    best_combination_ = best_remainder_ = GoSlice();
    ForEachCombination(nodes_, k, quirks_.combination_aliasing, [&](const GoSlice& combination) {
      if (best_score_ == 0) return false;
      Consider(combination);
      return !failure_;
    });
    if (failure_) return std::unexpected(*failure_);
    return best_combination_.size() > 0;
  }

  const GoSlice& combination() const { return best_combination_; }
  const GoSlice& remainder() const { return best_remainder_; }
  int DistributionFor(size_t nodes) const {
    return num_cpus_ / static_cast<int>(nodes) / group_ * group_;
  }

 private:
  int Available(int node) const { return available_[static_cast<size_t>(node)]; }

  void Fail(AllocationFailure failure, std::string message) {
    failure_ = AllocationError{failure, std::move(message)};
  }

  bool Affordable() {
    if (++evaluations_ <= kMaxEvaluations) return true;
    Fail(AllocationFailure::kSearchTooLarge,
         fmt::format("distributing {} cpus over {} NUMA nodes has more than {} combinations to try",
                     num_cpus_, nodes_.size(), kMaxEvaluations));
    return false;
  }

  bool CanCarry(const GoSlice& combination, int distribution) const {
    int cpus = 0;
    int groups = 0;
    std::vector<char> seen(available_.size(), 0);
    for (const int node : combination) {
      if (Available(node) < distribution) return false;
      groups += Available(node) / group_;
      if (seen[static_cast<size_t>(node)]) continue;
      seen[static_cast<size_t>(node)] = 1;
      cpus += Available(node);
    }
    return cpus >= num_cpus_ && groups * group_ >= num_cpus_;
  }

  double ScoreOf(const std::vector<int>& after) {
    scored_.clear();
    for (size_t node = 0; node < after.size(); ++node) {
      if (counted_[node]) scored_.push_back(after[node]);
    }
    return StandardDeviation(scored_);
  }

  void Consider(const GoSlice& combination) {
    if (!Affordable()) return;
    const int distribution = DistributionFor(combination.size());
    if (!CanCarry(combination, distribution)) return;
    std::vector<int> after = available_;
    for (const int node : combination) after[static_cast<size_t>(node)] -= distribution;
    const int remainder = num_cpus_ - distribution * static_cast<int>(combination.size());

    double score = kNoScore;
    GoSlice remainder_set;
    if (remainder == 0) {
      score = ScoreOf(after);
    } else {
      FindRemainderSet(combination, after, remainder, score, remainder_set);
    }
    if (failure_ || score >= best_score_) return;
    best_score_ = score;
    best_combination_ = combination;
    best_remainder_ = remainder_set;
  }

  void FindRemainderSet(const GoSlice& combination, const std::vector<int>& after, int remainder,
                        double& best_score, GoSlice& best_set) {
    std::vector<int> givers;
    for (const int node : combination) {
      if (after[static_cast<size_t>(node)] >= group_) givers.push_back(node);
    }
    for (size_t size = givers.size(); size >= 1 && !failure_; --size) {
      ForEachCombination(givers, size, quirks_.combination_aliasing, [&](const GoSlice& set) {
        if (!Affordable()) return false;
        if (Capacity(set, after) < remainder) return true;
        left_ = after;
        if (!HandOut(set, remainder)) return false;
        const double score = ScoreOf(left_);
        if (score < best_score) {
          best_score = score;
          best_set = set;
        }
        return true;
      });
    }
  }

  // What the released kubelet takes for the capacity of a remainder set is its CPUs, of which only
  // whole groups can be handed out.
  int Capacity(const GoSlice& set, const std::vector<int>& after) const {
    int cpus = 0;
    for (const int node : set) {
      const int left = after[static_cast<size_t>(node)];
      cpus += quirks_.endless_hand_out ? left : left / group_ * group_;
    }
    return cpus;
  }

  // Takes groups from the set's nodes in turn out of left_. False: nobody has a group to give any
  // more, and the kubelet goes round for ever.
  bool HandOut(const GoSlice& set, int remainder) {
    while (remainder > 0) {
      const int before = remainder;
      for (const int node : set) {
        int& left = left_[static_cast<size_t>(node)];
        if (remainder == 0) break;
        if (left < group_) continue;
        left -= group_;
        remainder -= group_;
      }
      if (remainder == before) {
        Fail(AllocationFailure::kEndlessHandOut,
             fmt::format("the kubelet never returns: {} cpus remain to be handed out in groups of "
                         "{} to NUMA nodes that have no whole group left",
                         remainder, group_));
        return false;
      }
    }
    return true;
  }

  std::vector<int> nodes_;
  int num_cpus_;
  int group_;
  Quirks quirks_;
  std::vector<int> available_;  // by node
  std::vector<char> counted_;   // by node: it has available CPUs, so its balance counts
  double best_score_ = kNoScore;
  GoSlice best_combination_;
  GoSlice best_remainder_;
  int64_t evaluations_ = 0;
  std::optional<AllocationError> failure_;
  std::vector<int> left_;    // scratch of HandOut
  std::vector<int> scored_;  // scratch of ScoreOf
};

// The range of k: nodes that whole groups need at least, and nodes that can have one each.
std::pair<size_t, size_t> NodesNeeded(const CpuTopology& topology, size_t available_nodes,
                                      int num_cpus, int group) {
  const auto round_up = [](int value, int unit) { return (value - 1) / unit + 1; };
  const int groups = round_up(static_cast<int>(topology.cpus().size()), group);
  const int per_node = round_up(groups, static_cast<int>(topology.Ids(Level::kNuma).size()));
  const int needed = round_up(num_cpus, group);
  return {static_cast<size_t>(round_up(needed, per_node)),
          std::min(static_cast<size_t>(needed), available_nodes)};
}

// Takes `count` CPUs of a NUMA node; one that has too few gives nothing, without a word.
void TakeFromNode(CpuAccumulator& accumulator, const CpuTopology& topology, int node, int count,
                  const DistributedOptions& options) {
  CpuAccumulator inner(topology, accumulator.FlagsIn(Level::kNuma, node), count, options.sorting,
                       !options.quirks.inexact_units);
  if (inner.Satisfied() || inner.Failed()) return;
  if (!Pack(inner, topology, {options.sorting, false, options.quirks})) return;
  accumulator.Take(inner.ResultIndexes());
}

std::expected<void, AllocationError> TakeRemainder(CpuAccumulator& accumulator,
                                                   const CpuTopology& topology,
                                                   const GoSlice& givers, int remainder,
                                                   const DistributedOptions& options) {
  const int group = options.cpu_group_size;
  while (remainder > 0) {
    const int before = remainder;
    for (const int node : givers) {
      if (remainder == 0) break;
      if (accumulator.AvailableIn(Level::kNuma, node) < group) continue;
      TakeFromNode(accumulator, topology, node, group, options);
      remainder -= group;
    }
    if (remainder == before) {
      return std::unexpected(AllocationError{
          AllocationFailure::kEndlessHandOut,
          fmt::format(
              "the kubelet never returns: {} cpus remain and no NUMA node of the chosen set "
              "has a group of {} left",
              remainder, group)});
    }
  }
  return {};
}

std::expected<void, AllocationError> TakeChosen(CpuAccumulator& accumulator,
                                                const CpuTopology& topology, const Search& search,
                                                int num_cpus, const DistributedOptions& options) {
  const GoSlice& nodes = search.combination();
  const int distribution = search.DistributionFor(nodes.size());
  for (const int node : nodes) {
    TakeFromNode(accumulator, topology, node, distribution, options);
  }
  const int remainder = num_cpus - distribution * static_cast<int>(nodes.size());
  TRY(TakeRemainder(accumulator, topology, search.remainder(), remainder, options));
  if (accumulator.needed() == 0) return {};
  return std::unexpected(AllocationError{
      AllocationFailure::kAccounting,
      fmt::format("accounting error, {} CPUs allocated, remaining: {}",
                  accumulator.needed() > 0 ? "not enough" : "too many", accumulator.needed())});
}

// The NUMA nodes in order. One that spans two sockets is listed for each of them.
std::vector<int> NodesToTry(const CpuAccumulator& accumulator, Quirks quirks) {
  std::vector<int> nodes = accumulator.SortedNumaNodes();
  if (quirks.inexact_units) return nodes;
  std::set<int> seen;
  std::erase_if(nodes, [&](int node) { return !seen.insert(node).second; });
  return nodes;
}

}  // namespace

Allocation TakeDistributed(const CpuTopology& topology, const CpuSet& available, int num_cpus,
                           const DistributedOptions& options) {
  if (options.cpu_group_size < 1) {
    return std::unexpected(AllocationError{
        AllocationFailure::kUnusableTopology,
        fmt::format("CPUs cannot be handed out in groups of {}", options.cpu_group_size)});
  }
  const PackedOptions packed{options.sorting, false, options.quirks};
  if (num_cpus % options.cpu_group_size != 0) {
    return TakePacked(topology, available, num_cpus, packed);
  }
  CpuAccumulator accumulator(topology, available, num_cpus, options.sorting,
                             !options.quirks.inexact_units);
  if (accumulator.Satisfied()) return CpuSet();
  if (accumulator.Failed()) return std::unexpected(NotEnoughCpus(num_cpus, available.size()));

  size_t available_nodes = 0;
  for (size_t node = 0; node < topology.Ids(Level::kNuma).size(); ++node) {
    if (accumulator.AvailableIn(Level::kNuma, static_cast<int>(node)) > 0) ++available_nodes;
  }
  const auto [fewest, most] =
      NodesNeeded(topology, available_nodes, num_cpus, options.cpu_group_size);
  Search search(accumulator, NodesToTry(accumulator, options.quirks),
                topology.Ids(Level::kNuma).size(), num_cpus, options);
  for (size_t k = fewest; k <= most; ++k) {
    if (!TRY(search.Run(k))) continue;
    TRY(TakeChosen(accumulator, topology, search, num_cpus, options));
    return accumulator.result();
  }
  return TakePacked(topology, available, num_cpus, packed);
}

}  // namespace nodeproof::cpu_manager
