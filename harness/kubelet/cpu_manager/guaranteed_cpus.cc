#include "harness/kubelet/cpu_manager/guaranteed_cpus.h"

#include <algorithm>
#include <limits>

namespace nodeproof::cpu_manager {
namespace {

using kubelet::Amount;
using kubelet::Container;
using kubelet::FeatureGates;
using kubelet::Pod;
using kubelet::QosClass;
using kubelet::Quantity;
using kubelet::ResourceList;

int WholeCpus(const Quantity& cpu) {
  if (!cpu.IsPositive() || !Quantity::FromMilli(cpu.MilliValue()).IsWhole()) return 0;
  return static_cast<int>(std::min<int64_t>(cpu.Value(), std::numeric_limits<int>::max() / 1024));
}

bool HasPodLevelResource(const ResourceList& list) {
  return std::ranges::any_of(list, [](const auto& entry) {
    const std::string& name = entry.first;
    return name == kubelet::kCpu || name == kubelet::kMemory ||
           name.starts_with(kubelet::kHugepagesPrefix);
  });
}

bool HasPodLevelResources(const Pod& pod) {
  return pod.resources && (HasPodLevelResource(pod.resources->requests) ||
                           HasPodLevelResource(pod.resources->limits));
}

// The container would be Guaranteed if it were a pod of its own.
bool IsGuaranteedByItself(const Container& container) {
  return std::ranges::all_of(std::vector{kubelet::kCpu, kubelet::kMemory}, [&](auto resource) {
    const Quantity request = Amount(container.requests(), resource);
    return request.IsPositive() && request == Amount(container.limits(), resource);
  });
}

}  // namespace

bool IsLeftToSharedPool(const Pod& pod, const FeatureGates& gates) {
  const bool served = gates.Enabled(kubelet::kPodLevelResources) &&
                      gates.Enabled(kubelet::kPodLevelResourceManagers);
  return !served && HasPodLevelResources(pod);
}

int GuaranteedCpus(const Pod& pod, const Container& container, QosClass qos,
                   const FeatureGates& gates) {
  if (qos != QosClass::kGuaranteed) return 0;
  if (gates.Enabled(kubelet::kPodLevelResourceManagers) && HasPodLevelResources(pod) &&
      !IsGuaranteedByItself(container)) {
    return 0;
  }
  return WholeCpus(Amount(container.requests(), kubelet::kCpu));
}

int PodGuaranteedCpus(const Pod& pod, QosClass qos, const FeatureGates& gates) {
  if (gates.Enabled(kubelet::kPodLevelResourceManagers) && HasPodLevelResources(pod)) {
    if (qos != QosClass::kGuaranteed) return 0;
    return WholeCpus(Amount(pod.resources->requests, kubelet::kCpu));
  }
  int init_peak = 0;
  int sidecars = 0;
  for (const Container& container : pod.init_containers) {
    const int cpus = GuaranteedCpus(pod, container, qos, gates);
    if (container.restartable()) {
      sidecars += cpus;
    } else {
      init_peak = std::max(init_peak, sidecars + cpus);
    }
  }
  int running = sidecars;
  for (const Container& container : pod.containers) {
    running += GuaranteedCpus(pod, container, qos, gates);
  }
  return std::max(init_peak, running);
}

std::vector<ContainerCpus> ContainersOf(const Pod& pod, QosClass qos, const FeatureGates& gates) {
  const bool shared = IsLeftToSharedPool(pod, gates);
  std::vector<ContainerCpus> containers;
  const auto add = [&](const Container& container, ContainerKind kind) {
    const int cpus = shared ? 0 : GuaranteedCpus(pod, container, qos, gates);
    containers.push_back({container.name, kind, cpus});
  };
  for (const Container& container : pod.init_containers) {
    add(container, container.restartable() ? ContainerKind::kSidecar : ContainerKind::kInit);
  }
  for (const Container& container : pod.containers) add(container, ContainerKind::kRegular);
  return containers;
}

}  // namespace nodeproof::cpu_manager
