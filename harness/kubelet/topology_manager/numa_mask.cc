#include "harness/kubelet/topology_manager/numa_mask.h"

#include "harness/topology/cpu_set.h"

namespace nodeproof::topology_manager {
namespace {

void AppendMasks(std::span<const int> nodes, size_t size, size_t start, uint64_t bits,
                 std::vector<NumaMask>& masks) {
  if (size == 0) {
    masks.push_back(NumaMask(bits));
    return;
  }
  for (size_t i = start; i + size <= nodes.size(); ++i) {
    AppendMasks(nodes, size - 1, i + 1, bits | uint64_t{1} << nodes[i], masks);
  }
}

}  // namespace

Result<NumaMask> NumaMask::Of(std::span<const int> nodes) {
  uint64_t bits = 0;
  for (const int node : nodes) {
    if (node < 0 || node > kHighestNumaNode) {
      return Fail("NUMA node {} is outside 0-{}, the range of the kubelet's masks", node,
                  kHighestNumaNode);
    }
    bits |= uint64_t{1} << node;
  }
  return NumaMask(bits);
}

std::vector<int> NumaMask::Nodes() const {
  std::vector<int> nodes;
  nodes.reserve(static_cast<size_t>(Count()));
  for (uint64_t rest = bits_; rest != 0; rest &= rest - 1) nodes.push_back(std::countr_zero(rest));
  return nodes;
}

std::string NumaMask::ToString() const {
  CpuSet nodes;
  for (const int node : Nodes()) nodes.Insert(node);
  return nodes.ToString();
}

std::vector<NumaMask> AllMasks(std::span<const int> nodes) {
  std::vector<NumaMask> masks;
  for (size_t size = 1; size <= nodes.size(); ++size) AppendMasks(nodes, size, 0, 0, masks);
  return masks;
}

Status CheckNodesForHints(std::span<const int> nodes) {
  TRY(NumaMask::Of(nodes));
  if (nodes.size() <= kMaxNodesForHints) return {};
  return Fail("{} NUMA nodes: hints are modelled for at most {}, as every subset is one",
              nodes.size(), kMaxNodesForHints);
}

}  // namespace nodeproof::topology_manager
