// Where a node's CPUs and memory sit: sockets, cores, threads, last-level caches, NUMA nodes with
// their distances, as sysfs tells it. Source: Documentation/ABI/stable/sysfs-devices-system-cpu,
// .../sysfs-devices-node.
#pragma once

#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof {

struct CpuPlace {
  int cpu = 0;
  int core = 0;    // lowest CPU of its core
  int socket = 0;  // physical_package_id
  int node = 0;    // NUMA node
  int llc = 0;     // lowest CPU that shares its last-level cache
};

struct NumaNode {
  int id = 0;
  Bytes memory{0};
  CpuSet cpus;
  std::vector<int> distances;  // to the nodes of Topology::nodes, in their order
};

struct Topology {
  std::vector<CpuPlace> cpus;  // online ones, ascending
  std::vector<NumaNode> nodes;

  CpuSet Online() const;
};

// Reads `sysfs`/devices/system (tests hand it a fake tree). A machine without NUMA directories is
// one node.
Result<Topology> ReadTopology(const std::string& sysfs = "/sys");

// The size of the largest cache of a CPU, from `sysfs`/devices/system/cpu; 0 where it is not told.
Bytes LargestCache(int cpu, const std::string& sysfs = "/sys");

}  // namespace nodeproof
