// What the container runtime is told to set on one container's cgroup
// (pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, v1.36).
#pragma once

#include <cstdint>
#include <optional>

#include "harness/base/units.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/resources/memory_qos.h"

namespace nodeproof::kubelet {

// The CRI's LinuxContainerResources; zeros are not written.
struct ContainerResources {
  int64_t cpu_shares = 0;
  int64_t cpu_quota_usec = 0;
  Microseconds cpu_period{0};
  Bytes memory_limit;
  UnifiedKnobs unified;
  bool operator==(const ContainerResources&) const = default;
};

struct ContainerResourceSettings {
  bool cpu_cfs_quota = true;
  Microseconds cpu_period{100'000};
  bool disable_quota = false;  // the container holds exclusive CPUs
  int cgroup_version = 2;
  std::optional<bool> single_process_oom_kill;
};

// calculateLinuxResources. An absent cpu request (nullopt) takes the limit's place; an explicit 0
// does not. Absent limits are no limits.
ContainerResources CalculateLinuxResources(std::optional<Quantity> cpu_request,
                                           std::optional<Quantity> cpu_limit,
                                           std::optional<Quantity> memory_limit,
                                           const ContainerResourceSettings& settings,
                                           const FeatureGates& gates);

// The container's own request and limits, with the pod-level limit where it has none
// (generateLinuxContainerResources).
ContainerResources ResourcesOfContainer(const Pod& pod, const Container& container,
                                        const ContainerResourceSettings& settings,
                                        const FeatureGates& gates);

struct SwapSettings {
  SwapBehavior configured = SwapBehavior::kNoSwap;
  bool swap_controller_available = true;
  int cgroup_version = 2;
};

// Whether a container may swap: LimitedSwap needs a Burstable pod that is not critical, and a
// memory request other than the limit (GetContainerSwapBehavior).
SwapBehavior ContainerSwapBehavior(QosClass qos, bool critical, const Quantity& memory_request,
                                   const Quantity& memory_limit, const SwapSettings& settings);

// memory.swap.max under LimitedSwap: the request's share of the machine's memory, of its swap
// (calcSwapForBurstablePods), in float64, truncated. 0 without memory.
Bytes LimitedSwapMax(Bytes memory_request, Bytes machine_memory, Bytes swap_capacity);

}  // namespace nodeproof::kubelet
