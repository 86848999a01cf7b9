#include "harness/capsule/node_here.h"

#include <algorithm>

namespace nodeproof::capsule {
namespace {

// Distances by node id, which may have holes; the topology has them in the order of its nodes.
std::vector<int> DistancesOf(const NumaNode& numa, const Topology& topology) {
  std::vector<int> by_id;
  for (size_t i = 0; i < std::min(numa.distances.size(), topology.nodes.size()); ++i) {
    const auto id = static_cast<size_t>(topology.nodes[i].id);
    by_id.resize(std::max(by_id.size(), id + 1));
    by_id[id] = numa.distances[i];
  }
  return by_id;
}

}  // namespace

kubelet::NodeSpec NodeSpecOf(const Topology& topology, Bytes memory) {
  kubelet::NodeSpec node;
  for (const CpuPlace& place : topology.cpus) {
    node.cpus.push_back({place.cpu, place.core, place.socket, place.node, place.llc});
  }
  for (const NumaNode& numa : topology.nodes) {
    node.numa_nodes.push_back({numa.id, numa.memory.value, {}, DistancesOf(numa, topology)});
    node.memory_bytes += numa.memory.value;
  }
  if (node.memory_bytes > 0) return node;
  node.memory_bytes = memory.value;
  if (node.numa_nodes.size() == 1) node.numa_nodes.front().memory_bytes = memory.value;
  return node;
}

}  // namespace nodeproof::capsule
