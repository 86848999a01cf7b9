// What the policy needs to know of a node: its capacity and where its CPUs and memory sit.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

struct NodeCpu {
  int cpu = 0;
  int core = 0;  // lowest CPU of the core
  int socket = 0;
  int numa_node = 0;
  int uncore_cache = 0;
  bool operator==(const NodeCpu&) const = default;
};

struct NodeNumaNode {
  int id = 0;
  int64_t memory_bytes = 0;
  std::map<int64_t, int64_t> hugepages;  // page size in bytes -> number of pages
  std::vector<int> distances;            // to every node, indexed by node id
  bool operator==(const NodeNumaNode&) const = default;
};

struct NodeSpec {
  int64_t memory_bytes = 0;  // MemTotal
  std::vector<NodeCpu> cpus;
  std::vector<NodeNumaNode> numa_nodes;
  int64_t pid_max = 0;  // min(kernel.pid_max, kernel.threads-max); 0 when unknown
  int64_t swap_bytes = 0;
  int64_t page_size = 4096;
  int64_t ephemeral_storage_bytes = 0;   // of nodefs; 0 when unknown
  std::map<int64_t, int64_t> hugepages;  // page size in bytes -> number of pages, all nodes
  bool operator==(const NodeSpec&) const = default;
};

// A NodeSpec with one socket and NUMA node, no SMT: what a test or a quick plan needs.
NodeSpec SimpleNode(int cpus, int64_t memory_bytes);

// The capacity that the kubelet reports: cpu, memory, hugepages-*, pid and ephemeral-storage where
// known (pkg/kubelet/cadvisor/util.go CapacityFromMachineInfo).
ResourceList Capacity(const NodeSpec& node);

// Reads a node description in YAML or JSON:
//
//   memory: 8Gi                  # default: the sum of the NUMA nodes' memory
//   topology: {sockets: 1, numaNodesPerSocket: 1, coresPerNumaNode: 4, threadsPerCore: 2}
//   cpus:                        # or each CPU by itself; numbers may have holes
//     - {cpu: 0, core: 0, socket: 0, numaNode: 0, uncoreCache: 0}
//   numaNodes:                   # ids may have holes; memory: default, an equal share
//     - {id: 0, memory: 4Gi, hugepages: {2Mi: 512}, distances: [10, 21]}
//   pidMax: 32768
//   swap: 2Gi
//   pageSize: 4096
//   ephemeralStorage: 100Gi
//   hugepages: {2Mi: 512}        # default: the sum of the NUMA nodes' pages
//
// Instead of `topology`, `cpus: 4` makes one socket and one NUMA node. Errors: malformed YAML (line
// and column), unknown fields, values out of range, a CPU listed twice or in two sockets' core,
// more than 4096 CPUs.
Result<NodeSpec> ParseNodeSpec(std::string_view text);

}  // namespace nodeproof::kubelet
