#include "harness/kubelet/resources/container_resources.h"

#include "harness/kubelet/api/aggregate.h"
#include "harness/kubelet/resources/cpu_conversion.h"

namespace nodeproof::kubelet {
namespace {

MilliCpu Milli(const std::optional<Quantity>& quantity) {
  return {quantity.value_or(Quantity()).MilliValue()};
}

// The container's own limit, or the pod-level one where it has none.
std::optional<Quantity> EffectiveLimit(const Pod& pod, const Container& container,
                                       std::string_view resource, const FeatureGates& gates) {
  const std::optional<Quantity> own = Find(container.limits(), resource);
  if (own && !own->IsZero()) return own;
  if (!PodLevelResourcesApply(pod, gates)) return own;
  const std::optional<Quantity> of_pod = Find(pod.resources->limits, resource);
  return of_pod ? of_pod : own;
}

}  // namespace

ContainerResources CalculateLinuxResources(std::optional<Quantity> cpu_request,
                                           std::optional<Quantity> cpu_limit,
                                           std::optional<Quantity> memory_limit,
                                           const ContainerResourceSettings& settings,
                                           const FeatureGates& gates) {
  ContainerResources resources;
  resources.cpu_shares = MilliCpuToShares(Milli(cpu_request ? cpu_request : cpu_limit));
  resources.memory_limit = {memory_limit.value_or(Quantity()).Value()};
  if (settings.cpu_cfs_quota) {
    resources.cpu_period =
        gates.Enabled(kCustomCpuCfsQuotaPeriod) ? settings.cpu_period : kDefaultQuotaPeriod;
    resources.cpu_quota_usec =
        settings.disable_quota ? kNoQuota : MilliCpuToQuota(Milli(cpu_limit), resources.cpu_period);
  }
  if (settings.cgroup_version == 2 && !settings.single_process_oom_kill.value_or(false)) {
    resources.unified.emplace("memory.oom.group", "1");
  }
  return resources;
}

ContainerResources ResourcesOfContainer(const Pod& pod, const Container& container,
                                        const ContainerResourceSettings& settings,
                                        const FeatureGates& gates) {
  return CalculateLinuxResources(Find(container.requests(), kCpu),
                                 EffectiveLimit(pod, container, kCpu, gates),
                                 EffectiveLimit(pod, container, kMemory, gates), settings, gates);
}

SwapBehavior ContainerSwapBehavior(QosClass qos, bool critical, const Quantity& memory_request,
                                   const Quantity& memory_limit, const SwapSettings& settings) {
  const bool limited =
      settings.configured == SwapBehavior::kLimitedSwap && settings.swap_controller_available &&
      settings.cgroup_version == 2 && !critical && qos == QosClass::kBurstable &&
      !(memory_request.IsZero() && memory_limit.IsZero()) && memory_request != memory_limit;
  return limited ? SwapBehavior::kLimitedSwap : SwapBehavior::kNoSwap;
}

Bytes LimitedSwapMax(Bytes memory_request, Bytes machine_memory, Bytes swap_capacity) {
  if (machine_memory.value <= 0) return {};
  const double share =
      static_cast<double>(memory_request.value) / static_cast<double>(machine_memory.value);
  return {static_cast<int64_t>(share * static_cast<double>(swap_capacity.value))};
}

}  // namespace nodeproof::kubelet
