// What the Memory Manager knows: the memory of each NUMA node by resource, and which blocks of it
// containers hold. Source: pkg/kubelet/cm/memorymanager/state, Kubernetes 1.36.2.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/topology_manager/numa_mask.h"

namespace nodeproof::memory_manager {

using topology_manager::NumaMask;

// All in bytes.
struct MemoryTable {
  uint64_t allocatable = 0;
  uint64_t free = 0;
  uint64_t reserved = 0;  // by containers
  uint64_t system_reserved = 0;
  uint64_t total = 0;
  bool operator==(const MemoryTable&) const = default;
};

struct NumaNodeState {
  // The nodes of the allocations that this node takes part in; itself while there is none.
  std::vector<int> cells;
  int assignments = 0;                        // blocks on this node
  std::map<std::string, MemoryTable> memory;  // by resource: "memory", "hugepages-*"
  bool operator==(const NumaNodeState&) const = default;
};

using MachineState = std::map<int, NumaNodeState>;  // by node id

// Memory that one container holds, anywhere on `numa` (the kubelet enforces no split).
struct Block {
  std::vector<int> numa;
  std::string type;
  uint64_t size = 0;
  bool operator==(const Block&) const = default;
};

using ContainerBlocks = std::map<std::string, std::vector<Block>>;

struct MemoryState {
  MachineState machine;
  std::map<std::string, ContainerBlocks> assignments;  // by pod uid
  // Bytes of finished init containers of the pod that is being admitted, by mask and resource.
  std::string reusable_pod;
  std::map<uint64_t, std::map<std::string, uint64_t>> reusable;

  const std::vector<Block>* Find(const std::string& pod, const std::string& container) const;
  std::vector<Block>* Find(const std::string& pod, const std::string& container);
  uint64_t ReusableBy(const std::string& pod, NumaMask mask, const std::string& resource) const;
  bool operator==(const MemoryState&) const = default;
};

struct NumaMemory {
  int node = 0;
  uint64_t bytes = 0;
  std::map<std::string, uint64_t> hugepages;  // "hugepages-2Mi" -> bytes of all its pages
};

// Bytes that are kept from pods: node -> resource -> bytes (reservedMemory).
using ReservedMemory = std::map<int, std::map<std::string, uint64_t>>;

// The state of a machine without allocations. Errors: no reserved "memory" anywhere, reservations
// for a node or resource that does not exist, or of more than there is.
Result<MachineState> InitialMachineState(const std::vector<NumaMemory>& nodes,
                                         const ReservedMemory& reserved);

// reservedMemory, summed over the nodes, must be what Node Allocatable reserves (kube and system
// reserved and the hard eviction threshold), for memory and each hugepage size.
Status CheckReservedMemory(const ReservedMemory& reserved,
                           const std::map<std::string, uint64_t>& node_allocatable_reservation);

}  // namespace nodeproof::memory_manager
