// The node at hand as a kubelet sees it.
#pragma once

#include "harness/base/units.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/topology/topology.h"

namespace nodeproof::capsule {

// The usable CPUs with their caches, and the NUMA nodes with their memory and distances. `memory`
// is the node's where its topology tells none, as under a kernel without NUMA.
kubelet::NodeSpec NodeSpecOf(const Topology& topology, Bytes memory);

}  // namespace nodeproof::capsule
