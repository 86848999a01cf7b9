// The Memory Manager's static policy: which NUMA nodes the memory of a Guaranteed pod's containers
// comes from. Source: pkg/kubelet/cm/memorymanager/policy_static.go, Kubernetes 1.36.2.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/memory_manager/memory_state.h"
#include "harness/kubelet/topology_manager/hints.h"

namespace nodeproof::memory_manager {

using kubelet::ContainerKind;
using topology_manager::ProviderHints;
using topology_manager::TopologyHint;

// "memory" first, then the huge pages by name: resource and bytes.
using MemoryRequests = std::vector<std::pair<std::string, uint64_t>>;

struct ContainerMemory {
  std::string name;
  ContainerKind kind = ContainerKind::kRegular;
  MemoryRequests requests;
};

struct PodMemory {
  std::string uid;
  // The class is Guaranteed and the pod has no pod-level resources: the policy takes no notice of
  // others.
  bool managed = false;
  std::vector<ContainerMemory> containers;  // in start order, init containers first
};

// What the policy reads of a pod. `guaranteed` is its QoS class, `pod_level_resources` whether it
// has resources of its own that the Memory Manager does not serve. Errors: a memory request that
// is no whole number of bytes, or negative.
Result<PodMemory> PodMemoryOf(const kubelet::Pod& pod, bool guaranteed, bool pod_level_resources);

// The pod's peak: app containers and sidecars, or an init container with the sidecars before it.
// Only resources that an app container asks for.
MemoryRequests PodRequests(const PodMemory& pod);

// Hints for one container, or for the pod as a whole. No resource at all for a pod that the policy
// does not manage and, as in the kubelet, when no set of nodes can hold the request.
ProviderHints Hints(const MemoryState& state, const PodMemory& pod, size_t container);
ProviderHints PodHints(const MemoryState& state, const PodMemory& pod);

// Gives a container its memory, on the hint's nodes or as near to them as it goes. On error the
// state is as before.
Status Allocate(MemoryState& state, const PodMemory& pod, size_t container,
                const TopologyHint& hint);

// Gives a container's blocks back, lowest node first.
void Remove(MemoryState& state, const std::string& pod, const std::string& container);

}  // namespace nodeproof::memory_manager
