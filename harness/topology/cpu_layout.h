// The layout of a node's CPUs and NUMA nodes in numbers: what a claim needs of a node, and what a
// node or a VM shape offers.
#pragma once

#include <string>

#include "harness/topology/topology.h"

namespace nodeproof {

struct CpuLayout {
  int cpus = 1;
  int threads = 1;  // hardware threads of each core; the fewest where cores differ
  int sockets = 1;
  int numa_nodes = 1;          // those with CPUs
  int last_level_caches = 1;   // domains of CPUs that share one
  int cpus_per_numa_node = 1;  // the fewest of any node with CPUs
  int memory_only_nodes = 0;   // NUMA nodes with memory and no CPUs
  int cxl_nodes = 0;           // of these, nodes of CXL memory
};

// An empty topology has no CPUs; the other numbers are then 1.
CpuLayout LayoutOf(const Topology& topology);

// The first thing of `needed` that `has` does not offer: "it needs 4 CPUs, the node has 2"; ""
// when nothing is missing.
std::string Shortcoming(const CpuLayout& needed, const CpuLayout& has);

}  // namespace nodeproof
