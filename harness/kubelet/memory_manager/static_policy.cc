#include "harness/kubelet/memory_manager/static_policy.h"

#include <algorithm>
#include <optional>
#include <set>

namespace nodeproof::memory_manager {
namespace {

using topology_manager::HintList;

constexpr char kMemory[] = "memory";

Result<MemoryRequests> RequestsOf(const kubelet::Container& container) {
  MemoryRequests requests;
  for (const auto& [resource, quantity] : container.requests()) {
    if (resource != kMemory && !resource.starts_with(kubelet::kHugepagesPrefix)) continue;
    if (quantity.IsNegative() || !quantity.IsWhole()) {
      return Fail("[memorymanager] container {} requests {} of {}, which is no number of bytes",
                  container.name, quantity.ToString(), resource);
    }
    const auto bytes = static_cast<uint64_t>(quantity.Value());
    requests.insert(resource == kMemory ? requests.begin() : requests.end(), {resource, bytes});
  }
  return requests;
}

const MemoryTable& TableOf(const NumaNodeState& node, const std::string& resource) {
  static const MemoryTable kNone;
  const auto found = node.memory.find(resource);
  return found == node.memory.end() ? kNone : found->second;
}

// One node's share in what a request can get, looked up once a request.
struct NodeAmounts {
  int id;
  const NumaNodeState* state;
  std::vector<uint64_t> free;         // by the request's resources
  std::vector<uint64_t> allocatable;  // by the request's resources
};

std::vector<NodeAmounts> AmountsFor(const MachineState& machine, const MemoryRequests& requests) {
  std::vector<NodeAmounts> nodes;
  for (const auto& [id, state] : machine) {
    NodeAmounts& node = nodes.emplace_back(NodeAmounts{id, &state, {}, {}});
    for (const auto& [resource, bytes] : requests) {
      node.free.push_back(TableOf(state, resource).free);
      node.allocatable.push_back(TableOf(state, resource).allocatable);
    }
  }
  return nodes;
}

bool IsGroup(const std::vector<int>& cells, NumaMask mask) {
  return static_cast<int>(cells.size()) == mask.Count() &&
         std::ranges::all_of(cells, [&](int cell) { return mask.Has(cell); });
}

// A node holds allocations of another group than `mask`, or of itself alone.
bool MixesGroups(const NumaNodeState& node, NumaMask mask) {
  return mask.Count() > 1 && node.assignments > 0 &&
         (node.cells.size() == 1 || !IsGroup(node.cells, mask));
}

// The hints of a request are the same for each of its resources.
class HintSearch {
 public:
  HintSearch(const MemoryState& state, const std::string& pod, const MemoryRequests& requests)
      : state_(state),
        pod_(pod),
        requests_(requests),
        nodes_(AmountsFor(state.machine, requests)) {}

  HintList Run() {
    std::vector<int> ids;
    for (const NodeAmounts& node : nodes_) ids.push_back(node.id);
    int min_nodes = static_cast<int>(ids.size());
    HintList hints;
    for (const NumaMask mask : topology_manager::AllMasks(ids)) {
      if (!IsCovered(mask, &NodeAmounts::allocatable, false)) continue;
      min_nodes = std::min(min_nodes, mask.Count());
      if (IsTakenByGroup(mask) || !IsCovered(mask, &NodeAmounts::free, true)) continue;
      hints.push_back({mask, false});
    }
    for (TopologyHint& hint : hints) hint.preferred = hint.affinity->Count() == min_nodes;
    return hints;
  }

 private:
  bool IsCovered(NumaMask mask, std::vector<uint64_t> NodeAmounts::*amounts, bool with_reusable) {
    for (size_t i = 0; i < requests_.size(); ++i) {
      uint64_t sum =
          with_reusable ? state_.ReusableBy(pod_, mask, requests_[i].first) : uint64_t{0};
      for (const NodeAmounts& node : nodes_) {
        if (mask.Has(node.id)) sum += (node.*amounts)[i];
      }
      if (sum < requests_[i].second) return false;
    }
    return true;
  }

  bool IsTakenByGroup(NumaMask mask) const {
    return std::ranges::any_of(nodes_, [&](const NodeAmounts& node) {
      if (!mask.Has(node.id)) return false;
      return mask.Count() == 1 ? node.state->cells.size() > 1 : MixesGroups(*node.state, mask);
    });
  }

  const MemoryState& state_;
  const std::string& pod_;
  const MemoryRequests& requests_;
  std::vector<NodeAmounts> nodes_;
};

ProviderHints ByResource(const HintList& hints, const MemoryRequests& requests) {
  ProviderHints by_resource;
  if (hints.empty()) return by_resource;
  for (const auto& [resource, bytes] : requests) by_resource[resource] = hints;
  return by_resource;
}

// For a container that has its memory already: its own nodes. No hints if it now asks for other
// amounts.
ProviderHints HintsOfBlocks(const std::vector<Block>& blocks, const MemoryRequests& requests) {
  if (blocks.size() != requests.size()) return {};
  ProviderHints hints;
  for (const Block& block : blocks) {
    const auto asked =
        std::ranges::find(requests, block.type, [](const auto& r) { return r.first; });
    if (asked == requests.end() || asked->second != block.size) return {};
    const auto mask = NumaMask::Of(block.numa);
    if (!mask) return {};
    HintList list = hints[block.type].value_or(HintList());
    list.push_back({*mask, true});
    hints[block.type] = std::move(list);
  }
  return hints;
}

// Preferred before not preferred, then the narrower; the first of equals.
const TopologyHint* BestHint(const HintList& hints) {
  const TopologyHint* best = nullptr;
  for (const TopologyHint& hint : hints) {
    const bool better =
        best == nullptr || (hint.preferred && !best->preferred) ||
        (hint.preferred == best->preferred && hint.affinity->IsNarrowerThan(*best->affinity));
    if (better) best = &hint;
  }
  return best;
}

// Hints as the policy itself reads them, which is through the resource "memory".
HintList OwnHints(const MemoryState& state, const PodMemory& pod, const MemoryRequests& requests) {
  return HintSearch(state, pod.uid, requests).Run();
}

bool HoldsRequest(const MachineState& machine, NumaMask mask, const MemoryRequests& requests) {
  return std::ranges::all_of(requests, [&](const auto& request) {
    uint64_t free = 0;
    for (const auto& [id, node] : machine) {
      if (mask.Has(id)) free += TableOf(node, request.first).free;
    }
    return free >= request.second;
  });
}

Result<NumaMask> ChooseNodes(const MemoryState& state, const PodMemory& pod,
                             const MemoryRequests& requests, TopologyHint hint) {
  if (!hint.affinity) {
    const HintList hints = OwnHints(state, pod, requests);
    const TopologyHint* best = BestHint(hints);
    if (best == nullptr) {
      return Fail(
          "[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with "
          "enough memory is available");
    }
    if (hint.preferred && !best->preferred) {
      return Fail("[memorymanager] failed to find the default preferred hint");
    }
    hint = *best;
  }
  if (!HoldsRequest(state.machine, *hint.affinity, requests)) {
    HintList wider = OwnHints(state, pod, requests);
    std::erase_if(
        wider, [&](const TopologyHint& each) { return !each.affinity->Contains(*hint.affinity); });
    const TopologyHint* best = BestHint(wider);
    if (best == nullptr) {
      return Fail("[memorymanager] failed to find NUMA nodes to extend the current topology hint");
    }
    if (hint.preferred && !best->preferred) {
      return Fail("[memorymanager] failed to find the extended preferred hint");
    }
    hint = *best;
  }
  for (const auto& [id, node] : state.machine) {
    if (hint.affinity->Has(id) && MixesGroups(node, *hint.affinity)) {
      return Fail("[memorymanager] preferred hint violates NUMA node allocation");
    }
  }
  return *hint.affinity;
}

// Takes `bytes` from the lowest nodes first; every node of the mask joins the group.
void TakeFrom(MachineState& machine, const std::vector<int>& nodes, const std::string& resource,
              uint64_t bytes) {
  for (const int id : nodes) {
    const auto found = machine.find(id);
    if (found == machine.end()) continue;
    NumaNodeState& node = found->second;
    ++node.assignments;
    node.cells = nodes;
    const auto table = node.memory.find(resource);
    if (table == node.memory.end()) continue;
    const uint64_t taken = std::min(bytes, table->second.free);
    table->second.free -= taken;
    table->second.reserved += taken;
    bytes -= taken;
  }
}

void UpdateReusable(MemoryState& state, const std::string& pod, ContainerKind kind,
                    const std::vector<Block>& blocks) {
  if (state.reusable_pod != pod) {
    state.reusable_pod = pod;
    state.reusable.clear();
  }
  for (const Block& block : blocks) {
    const NumaMask mask = NumaMask::Of(block.numa).value_or(NumaMask());
    if (kind == ContainerKind::kInit) {
      uint64_t& bytes = state.reusable[mask.bits()][block.type];
      bytes = std::max(bytes, block.size);
    } else if (const uint64_t left = state.ReusableBy(pod, mask, block.type); left > 0) {
      state.reusable[mask.bits()][block.type] = left - std::min(left, block.size);
    }
  }
}

// What a container reuses leaves the blocks of the init containers before it, so that the blocks of
// a pod add up to what it holds.
void ShrinkInitBlocks(MemoryState& state, const PodMemory& pod, size_t container,
                      const std::vector<Block>& blocks) {
  for (const Block& block : blocks) {
    uint64_t left = block.size;
    for (size_t i = 0; i < container && left > 0; ++i) {
      if (pod.containers[i].kind != ContainerKind::kInit) continue;
      std::vector<Block>* init_blocks = state.Find(pod.uid, pod.containers[i].name);
      if (init_blocks == nullptr) continue;
      for (Block& init_block : *init_blocks) {
        if (init_block.type != block.type || init_block.numa != block.numa) continue;
        const uint64_t reused = std::min(left, init_block.size);
        init_block.size -= reused;
        left -= reused;
      }
    }
  }
}

}  // namespace

Result<PodMemory> PodMemoryOf(const kubelet::Pod& pod, bool guaranteed, bool pod_level_resources) {
  PodMemory memory{pod.uid, guaranteed && !pod_level_resources, {}};
  for (const kubelet::Container& container : pod.init_containers) {
    const ContainerKind kind =
        container.restartable() ? ContainerKind::kSidecar : ContainerKind::kInit;
    memory.containers.push_back({container.name, kind, TRY(RequestsOf(container))});
  }
  for (const kubelet::Container& container : pod.containers) {
    memory.containers.push_back(
        {container.name, ContainerKind::kRegular, TRY(RequestsOf(container))});
  }
  return memory;
}

MemoryRequests PodRequests(const PodMemory& pod) {
  std::map<std::string, uint64_t> init_peak;
  std::map<std::string, uint64_t> sidecars;
  std::map<std::string, uint64_t> apps;
  for (const ContainerMemory& container : pod.containers) {
    for (const auto& [resource, bytes] : container.requests) {
      if (container.kind == ContainerKind::kSidecar) {
        sidecars[resource] += bytes;
      } else if (container.kind == ContainerKind::kInit) {
        init_peak[resource] = std::max(init_peak[resource], sidecars[resource] + bytes);
      } else {
        apps[resource] += bytes;
      }
    }
  }
  MemoryRequests requests;
  for (const auto& [resource, bytes] : apps) {
    const uint64_t peak = std::max(bytes + sidecars[resource], init_peak[resource]);
    requests.insert(resource == kMemory ? requests.begin() : requests.end(), {resource, peak});
  }
  return requests;
}

ProviderHints Hints(const MemoryState& state, const PodMemory& pod, size_t container) {
  if (!pod.managed) return {};
  const ContainerMemory& asking = pod.containers[container];
  if (const auto* blocks = state.Find(pod.uid, asking.name)) {
    return HintsOfBlocks(*blocks, asking.requests);
  }
  return ByResource(OwnHints(state, pod, asking.requests), asking.requests);
}

ProviderHints PodHints(const MemoryState& state, const PodMemory& pod) {
  if (!pod.managed) return {};
  const MemoryRequests requests = PodRequests(pod);
  if (requests.empty()) return {};
  for (const ContainerMemory& container : pod.containers) {
    if (const auto* blocks = state.Find(pod.uid, container.name)) {
      return HintsOfBlocks(*blocks, requests);
    }
  }
  return ByResource(OwnHints(state, pod, requests), requests);
}

Status Allocate(MemoryState& state, const PodMemory& pod, size_t container,
                const TopologyHint& hint) {
  if (!pod.managed) return {};
  const ContainerMemory& asking = pod.containers[container];
  if (const auto* present = state.Find(pod.uid, asking.name)) {
    UpdateReusable(state, pod.uid, asking.kind, std::vector<Block>(*present));
    return {};
  }
  const NumaMask mask = TRY(ChooseNodes(state, pod, asking.requests, hint));
  const std::vector<int> nodes = mask.Nodes();
  std::vector<Block> blocks;
  for (const auto& [resource, bytes] : asking.requests) {
    blocks.push_back({nodes, resource, bytes});
    const uint64_t reusable = state.ReusableBy(pod.uid, mask, resource);
    TakeFrom(state.machine, nodes, resource, bytes - std::min(bytes, reusable));
  }
  UpdateReusable(state, pod.uid, asking.kind, blocks);
  state.assignments[pod.uid][asking.name] = blocks;
  ShrinkInitBlocks(state, pod, container, blocks);
  return {};
}

void Remove(MemoryState& state, const std::string& pod, const std::string& container) {
  const auto containers = state.assignments.find(pod);
  if (containers == state.assignments.end()) return;
  const auto found = containers->second.find(container);
  if (found == containers->second.end()) return;
  const std::vector<Block> blocks = std::move(found->second);
  containers->second.erase(found);
  if (containers->second.empty()) state.assignments.erase(containers);
  for (const Block& block : blocks) {
    uint64_t left = block.size;
    for (const int id : block.numa) {
      const auto node = state.machine.find(id);
      if (node == state.machine.end()) continue;
      if (--node->second.assignments == 0) node->second.cells = {id};
      const auto table = node->second.memory.find(block.type);
      if (table == node->second.memory.end()) continue;
      const uint64_t released = std::min(left, table->second.reserved);
      table->second.reserved -= released;
      table->second.free += released;
      left -= released;
    }
  }
}

}  // namespace nodeproof::memory_manager
