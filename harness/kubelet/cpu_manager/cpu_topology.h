// The kubelet's view of a machine's CPUs: which core, uncore cache, socket and NUMA node each
// belongs to, and the header counts that the allocator's averages come from.
// Source: pkg/kubelet/cm/cpumanager/topology/topology.go, Kubernetes 1.36.2.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "harness/base/result.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::cpu_manager {

struct CpuPlace {
  int cpu = 0;
  int numa = 0;
  int socket = 0;
  int core = 0;
  int uncore = 0;
  bool operator==(const CpuPlace&) const = default;
};

// Header fields. They are inputs of their own: the kubelet does not derive them from the CPU table,
// and they may disagree with it.
struct TopologyCounts {
  int cpus = 0;
  int cores = 0;
  int sockets = 0;
  int numa_nodes = 0;
  int uncore_caches = 0;
  bool operator==(const TopologyCounts&) const = default;
};

// What cadvisor reports of a machine.
struct MachineCore {
  int id = 0;
  int socket = 0;
  std::vector<int> threads;
  std::vector<int> uncore_caches;
};
struct MachineNode {
  int numa = 0;
  std::vector<MachineCore> cores;
};
struct MachineInfo {
  int num_cores_logical = 0;
  int num_sockets = 0;
  std::vector<MachineNode> nodes;
};

enum class Level { kNuma, kSocket, kCore, kUncore };
inline constexpr size_t kLevels = 4;

// CPUs and units are addressed by their rank among the ascending ids ("index"), so that orders by
// index and by id are the same and tables stay dense when ids have holes.
class CpuTopology {
 public:
  // Errors: no CPU, a CPU listed twice, negative ids, CPU ids above 65535, NUMA ids above 63.
  static Result<CpuTopology> Create(TopologyCounts counts, std::vector<CpuPlace> cpus);
  // Errors: no logical CPU, a core without threads or with a repeated thread, and those of Create.
  // A core is named after its lowest CPU; an uncore cache after the first one that is reported,
  // or after the socket when none is.
  static Result<CpuTopology> Discover(const MachineInfo& machine);

  const TopologyCounts& counts() const { return counts_; }
  // Integer averages of the header fields; 0 where the divisor is 0.
  int CpusPerCore() const { return Average(counts_.cores); }
  int CpusPerSocket() const { return Average(counts_.sockets); }
  int CpusPerUncore() const { return Average(counts_.uncore_caches); }

  // Ascending by CPU id; the position is the CPU's index.
  const std::vector<CpuPlace>& cpus() const { return cpus_; }
  const CpuSet& AllCpus() const { return all_cpus_; }
  // -1 for a CPU that the machine does not have.
  int IndexOf(int cpu) const;

  // Ids of the level's units, ascending; the position is the unit's index.
  const std::vector<int>& Ids(Level level) const { return At(level).ids; }
  int UnitOf(Level level, size_t cpu_index) const { return At(level).unit_of_cpu[cpu_index]; }
  // Indexes of the unit's CPUs, ascending.
  std::span<const int> Members(Level level, int unit) const {
    return At(level).members[static_cast<size_t>(unit)];
  }

 private:
  struct LevelTable {
    std::vector<int> ids;
    std::vector<int> unit_of_cpu;
    std::vector<std::vector<int>> members;
  };

  CpuTopology() = default;
  int Average(int divisor) const { return divisor == 0 ? 0 : counts_.cpus / divisor; }
  const LevelTable& At(Level level) const { return levels_[static_cast<size_t>(level)]; }

  TopologyCounts counts_;
  std::vector<CpuPlace> cpus_;
  CpuSet all_cpus_;
  std::vector<int> index_of_cpu_;  // by CPU id
  std::array<LevelTable, kLevels> levels_;
};

}  // namespace nodeproof::cpu_manager
