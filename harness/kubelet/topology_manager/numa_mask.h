// A set of NUMA nodes as the kubelet's Topology Manager keeps it: one bit a node id, ids 0 to 63.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"

namespace nodeproof::topology_manager {

inline constexpr int kHighestNumaNode = 63;
// Hint providers walk every subset of the nodes; beyond this many the kubelet would be busy with
// one container for minutes, and the model refuses to begin.
inline constexpr size_t kMaxNodesForHints = 16;

class NumaMask {
 public:
  constexpr NumaMask() = default;
  constexpr explicit NumaMask(uint64_t bits) : bits_(bits) {}

  // A mask of these nodes; ids below 0 or above 63 are errors, as in the kubelet
  // (pkg/kubelet/cm/topologymanager/bitmask, 1.36).
  static Result<NumaMask> Of(std::span<const int> nodes);

  constexpr uint64_t bits() const { return bits_; }
  constexpr int Count() const { return std::popcount(bits_); }
  constexpr bool Has(int node) const {
    return node >= 0 && node <= kHighestNumaNode && (bits_ >> node & 1) != 0;
  }
  constexpr bool Contains(NumaMask other) const { return (other.bits_ & ~bits_) == 0; }
  // The nodes, ascending.
  std::vector<int> Nodes() const;
  // "0-1,3".
  std::string ToString() const;

  // Fewer nodes; with equally many, the smaller number when read as binary (so the lower nodes).
  constexpr bool IsNarrowerThan(NumaMask other) const {
    return Count() == other.Count() ? bits_ < other.bits_ : Count() < other.Count();
  }

  constexpr bool operator==(const NumaMask&) const = default;
  friend constexpr NumaMask operator&(NumaMask a, NumaMask b) {
    return NumaMask(a.bits_ & b.bits_);
  }
  friend constexpr NumaMask operator|(NumaMask a, NumaMask b) {
    return NumaMask(a.bits_ | b.bits_);
  }

 private:
  uint64_t bits_ = 0;
};

// Every non-empty subset of `nodes` (ascending ids): smaller subsets first, then in lexicographic
// order, the order in which the kubelet's hint providers walk them. 2^n - 1 masks; the nodes must
// pass CheckNodesForHints.
std::vector<NumaMask> AllMasks(std::span<const int> nodes);

// Errors: an id outside 0-63, more nodes than kMaxNodesForHints.
Status CheckNodesForHints(std::span<const int> nodes);

}  // namespace nodeproof::topology_manager
