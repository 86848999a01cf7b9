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
  bool cxl = false;            // memory behind a CXL root was put here (see ReadTopology)
};

struct Topology {
  std::vector<CpuPlace> cpus;  // online ones, ascending
  std::vector<NumaNode> nodes;

  CpuSet Online() const;
};

// Reads `sysfs`/devices/system (tests hand it a fake tree). A machine without NUMA directories is
// one node. A node's memory is CXL's when a device on the DAX bus below the CXL root (ACPI0017)
// names the node as its target: volatile and persistent regions both end there (drivers/dax/cxl.c,
// drivers/dax/pmem.c). What firmware mapped as ordinary memory the kernel does not tell apart.
Result<Topology> ReadTopology(const std::string& sysfs = "/sys");

// The size of the largest cache of a CPU, from `sysfs`/devices/system/cpu; 0 where it is not told.
Bytes LargestCache(int cpu, const std::string& sysfs = "/sys");

}  // namespace nodeproof
