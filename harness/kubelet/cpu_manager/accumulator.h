// The kubelet's CPU accumulator: the CPUs still available, in the orders in which whole NUMA nodes,
// sockets, uncore caches, cores and single CPUs are taken.
// Source: pkg/kubelet/cm/cpumanager/cpu_assignment.go, Kubernetes 1.36.2.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "harness/kubelet/cpu_manager/cpu_topology.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::cpu_manager {

enum class CpuSorting {
  kPacked,  // core by core
  kSpread,  // distribute-cpus-across-cores: by CPU number inside a socket
};

// One flag a CPU index.
using CpuFlags = std::vector<char>;

class CpuAccumulator {
 public:
  // CPUs that the topology does not have are ignored. The topology must outlive the accumulator.
  // With `exact`, only available CPUs are taken and each is counted once; the released kubelet
  // takes and counts all CPUs of what it takes for a free unit.
  CpuAccumulator(const CpuTopology& topology, const CpuSet& available, int needed,
                 CpuSorting sorting, bool exact = false);
  CpuAccumulator(const CpuTopology& topology, const CpuFlags& available, int needed,
                 CpuSorting sorting, bool exact = false);

  int needed() const { return needed_; }
  bool Satisfied() const { return needed_ < 1; }
  // There are fewer CPUs than needed.
  bool Failed() const { return needed_ > available_count_; }

  // Indexes of units that have available CPUs. A list is the concatenation of lists inside larger
  // units, so a unit that spans two of them appears twice, as it does in the kubelet.
  std::vector<int> SortedNumaNodes() const;
  std::vector<int> SortedSockets() const;
  std::vector<int> SortedCores() const;
  std::vector<int> SortedUncoreCaches() const;
  // Indexes of the available CPUs.
  std::vector<int> SortedCpus() const;

  // Of the sorted units, those that count as wholly available. For sockets and cores that is a
  // comparison with the average size, for NUMA nodes and uncore caches with the real one.
  std::vector<int> Free(Level level) const;

  int AvailableIn(Level level, int unit) const {
    return counts_[static_cast<size_t>(level)][static_cast<size_t>(unit)];
  }
  // The available CPUs of a NUMA node, as flags.
  CpuFlags FlagsIn(Level level, int unit) const;

  // Moves CPUs (by index) to the result.
  void Take(std::span<const int> cpus);

  // Takes each free unit that is no larger than what is needed.
  void TakeWhole(Level level);
  // prefer-align-cpus-by-uncorecache: whole uncore caches, then a part of one. The topology must
  // have cores.
  void TakeUncoreCaches();
  // Single CPUs until there are enough.
  void TakeCpus();

  CpuSet result() const;
  std::vector<int> ResultIndexes() const;

 private:
  std::vector<int> Units(Level level) const;
  std::vector<int> UnitsWithin(Level inner, Level outer, int outer_unit) const;
  void SortUnits(Level level, std::vector<int>& units) const;
  std::vector<int> AvailableMembers(Level level, int unit) const;
  bool IsFree(Level level, int unit) const;
  void TakePartOfUncore(int unit);
  void CountAvailable();

  const CpuTopology& topology_;
  CpuSorting sorting_;
  bool exact_;
  bool numa_first_;  // NUMA nodes are at least as large as sockets
  CpuFlags available_;
  CpuFlags taken_;
  std::array<std::vector<int>, kLevels> counts_;
  int available_count_ = 0;
  int needed_;
};

}  // namespace nodeproof::cpu_manager
