#include "harness/kubelet/memory_manager/memory_state.h"

namespace nodeproof::memory_manager {
namespace {

constexpr char kMemory[] = "memory";

uint64_t ReservedOn(const ReservedMemory& reserved, int node, const std::string& resource) {
  const auto resources = reserved.find(node);
  if (resources == reserved.end()) return 0;
  const auto found = resources->second.find(resource);
  return found == resources->second.end() ? 0 : found->second;
}

Result<MemoryTable> TableOf(int node, const std::string& resource, uint64_t total, uint64_t usable,
                            const ReservedMemory& reserved) {
  const uint64_t system_reserved = ReservedOn(reserved, node, resource);
  if (system_reserved > usable) {
    return Fail("reservedMemory keeps {} bytes of {} on NUMA node {}, which has {}",
                system_reserved, resource, node, usable);
  }
  const uint64_t allocatable = usable - system_reserved;
  return MemoryTable{allocatable, allocatable, 0, system_reserved, total};
}

Result<NumaNodeState> StateOf(const NumaMemory& node, const ReservedMemory& reserved) {
  NumaNodeState state;
  state.cells = {node.node};
  uint64_t in_hugepages = 0;
  for (const auto& [resource, bytes] : node.hugepages) {
    state.memory[resource] = TRY(TableOf(node.node, resource, bytes, bytes, reserved));
    in_hugepages += bytes;
  }
  if (in_hugepages > node.bytes) {
    return Fail("NUMA node {} has {} bytes but {} bytes of huge pages", node.node, node.bytes,
                in_hugepages);
  }
  state.memory[kMemory] =
      TRY(TableOf(node.node, kMemory, node.bytes, node.bytes - in_hugepages, reserved));
  return state;
}

}  // namespace

const std::vector<Block>* MemoryState::Find(const std::string& pod,
                                            const std::string& container) const {
  const auto containers = assignments.find(pod);
  if (containers == assignments.end()) return nullptr;
  const auto found = containers->second.find(container);
  return found == containers->second.end() ? nullptr : &found->second;
}

std::vector<Block>* MemoryState::Find(const std::string& pod, const std::string& container) {
  return const_cast<std::vector<Block>*>(std::as_const(*this).Find(pod, container));
}

uint64_t MemoryState::ReusableBy(const std::string& pod, NumaMask mask,
                                 const std::string& resource) const {
  if (reusable_pod != pod) return 0;
  const auto resources = reusable.find(mask.bits());
  if (resources == reusable.end()) return 0;
  const auto found = resources->second.find(resource);
  return found == resources->second.end() ? 0 : found->second;
}

Result<MachineState> InitialMachineState(const std::vector<NumaMemory>& nodes,
                                         const ReservedMemory& reserved) {
  MachineState machine;
  for (const NumaMemory& node : nodes) {
    if (node.node < 0 || node.node > topology_manager::kHighestNumaNode) {
      return Fail("NUMA node {} is outside 0-{}", node.node, topology_manager::kHighestNumaNode);
    }
    if (!machine.emplace(node.node, TRY(StateOf(node, reserved))).second) {
      return Fail("NUMA node {} is listed twice", node.node);
    }
  }
  uint64_t reserved_memory = 0;
  for (const auto& [node, resources] : reserved) {
    const auto found = machine.find(node);
    if (found == machine.end()) return Fail("reservedMemory: there is no NUMA node {}", node);
    for (const auto& [resource, bytes] : resources) {
      if (bytes > 0 && !found->second.memory.contains(resource)) {
        return Fail("reservedMemory: NUMA node {} has no {}", node, resource);
      }
      if (resource == kMemory) reserved_memory += bytes;
    }
  }
  if (reserved_memory == 0) {
    return std::unexpected(
        WithHint(Error{"[memorymanager] you should specify the system reserved memory", "", 0},
                 "set reservedMemory in the KubeletConfiguration"));
  }
  return machine;
}

Status CheckReservedMemory(const ReservedMemory& reserved,
                           const std::map<std::string, uint64_t>& node_allocatable_reservation) {
  std::map<std::string, uint64_t> sums;
  for (const auto& [node, resources] : reserved) {
    for (const auto& [resource, bytes] : resources) sums[resource] += bytes;
  }
  for (const auto& [resource, bytes] : node_allocatable_reservation) {
    if (resource == kMemory || resource.starts_with("hugepages-")) sums.try_emplace(resource, 0);
  }
  for (const auto& [resource, bytes] : sums) {
    const auto found = node_allocatable_reservation.find(resource);
    const uint64_t wanted = found == node_allocatable_reservation.end() ? 0 : found->second;
    if (bytes == wanted) continue;
    return std::unexpected(WithHint(
        Error{fmt::format("the total amount {} of type {} in reservedMemory is not equal to the "
                          "value {} determined by the Node Allocatable feature",
                          bytes, resource, wanted),
              "", 0},
        "make reservedMemory the sum of kubeReserved, systemReserved and evictionHard"));
  }
  return {};
}

}  // namespace nodeproof::memory_manager
