// CPU tables of regular machines, for tests and benchmarks: sockets of NUMA nodes of cores of
// threads, with sibling threads numbered either side by side or half a machine apart.
#pragma once

#include <memory>
#include <vector>

#include "harness/kubelet/cpu_manager/cpu_topology.h"

namespace nodeproof::cpu_manager {

struct MachineShape {
  int sockets = 1;
  int numa_per_socket = 1;
  int cores_per_numa = 4;
  int threads_per_core = 2;
  int cores_per_uncore_cache = 0;  // 0: one cache a socket
  bool siblings_adjacent = false;  // cpu0 and cpu1 are one core, not cpu0 and cpu<n/2>

  int Cores() const { return sockets * numa_per_socket * cores_per_numa; }
  int Cpus() const { return Cores() * threads_per_core; }
};

inline std::vector<CpuPlace> UniformMachine(const MachineShape& shape) {
  std::vector<CpuPlace> cpus;
  for (int core = 0; core < shape.Cores(); ++core) {
    const int numa = core / shape.cores_per_numa;
    const int socket = numa / shape.numa_per_socket;
    const int uncore =
        shape.cores_per_uncore_cache == 0 ? socket : core / shape.cores_per_uncore_cache;
    const int first = shape.siblings_adjacent ? core * shape.threads_per_core : core;
    for (int thread = 0; thread < shape.threads_per_core; ++thread) {
      const int cpu = first + thread * (shape.siblings_adjacent ? 1 : shape.Cores());
      cpus.push_back({cpu, numa, socket, first, uncore});
    }
  }
  return cpus;
}

// The header that the kubelet would discover for these CPUs.
inline TopologyCounts CountsOf(const std::vector<CpuPlace>& cpus) {
  CpuSet cores, sockets, numa_nodes, uncore_caches;
  for (const CpuPlace& place : cpus) {
    cores.Insert(place.core);
    sockets.Insert(place.socket);
    numa_nodes.Insert(place.numa);
    uncore_caches.Insert(place.uncore);
  }
  const auto count = [](const CpuSet& set) { return static_cast<int>(set.size()); };
  return {static_cast<int>(cpus.size()), count(cores), count(sockets), count(numa_nodes),
          count(uncore_caches)};
}

inline std::shared_ptr<const CpuTopology> UniformTopology(const MachineShape& shape) {
  std::vector<CpuPlace> cpus = UniformMachine(shape);
  const TopologyCounts counts = CountsOf(cpus);
  return std::make_shared<const CpuTopology>(*CpuTopology::Create(counts, std::move(cpus)));
}

}  // namespace nodeproof::cpu_manager
