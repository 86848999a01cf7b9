#include "harness/topology/cpu_layout.h"

#include <algorithm>
#include <map>
#include <set>

namespace nodeproof {
namespace {

// The smallest count of a histogram, or 1 for an empty one.
int Fewest(const std::map<int, int>& counts) {
  const auto fewest =
      std::min_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return fewest == counts.end() ? 1 : fewest->second;
}

int AtLeastOne(size_t count) { return std::max(1, static_cast<int>(count)); }

}  // namespace

CpuLayout LayoutOf(const Topology& topology) {
  std::map<int, int> cpus_of_core;
  std::map<int, int> cpus_of_node;
  std::set<int> sockets;
  std::set<int> caches;
  for (const CpuPlace& place : topology.cpus) {
    ++cpus_of_core[place.core];
    ++cpus_of_node[place.node];
    sockets.insert(place.socket);
    caches.insert(place.llc);
  }
  int memory_only = 0;
  int cxl = 0;
  for (const NumaNode& node : topology.nodes) {
    if (!node.cpus.empty() || node.memory.value == 0) continue;
    ++memory_only;
    cxl += node.cxl ? 1 : 0;
  }
  return {.cpus = static_cast<int>(topology.cpus.size()),
          .threads = Fewest(cpus_of_core),
          .sockets = AtLeastOne(sockets.size()),
          .numa_nodes = AtLeastOne(cpus_of_node.size()),
          .last_level_caches = AtLeastOne(caches.size()),
          .cpus_per_numa_node = Fewest(cpus_of_node),
          .memory_only_nodes = memory_only,
          .cxl_nodes = cxl};
}

std::string Shortcoming(const CpuLayout& needed, const CpuLayout& has) {
  struct Number {
    int CpuLayout::*field;
    const char* what;
  };
  constexpr Number kNumbers[] = {
      {&CpuLayout::cpus, "CPUs"},
      {&CpuLayout::threads, "hardware threads in each core"},
      {&CpuLayout::sockets, "sockets"},
      {&CpuLayout::numa_nodes, "NUMA nodes with CPUs"},
      {&CpuLayout::last_level_caches, "last-level caches"},
      {&CpuLayout::cpus_per_numa_node, "CPUs in each NUMA node"},
      {&CpuLayout::memory_only_nodes, "NUMA nodes with memory and no CPUs"},
      {&CpuLayout::cxl_nodes, "NUMA nodes of CXL memory and no CPUs"},
  };
  for (const Number& number : kNumbers) {
    if (has.*number.field >= needed.*number.field) continue;
    return fmt::format("it needs {} {}, the node has {}", needed.*number.field, number.what,
                       has.*number.field);
  }
  return "";
}

}  // namespace nodeproof
