#include "harness/kubelet/api/aggregate.h"

#include <algorithm>

namespace nodeproof::kubelet {
namespace {

void TakeLarger(ResourceList& target, const ResourceList& other) {
  for (const auto& [name, quantity] : other) {
    const auto [entry, inserted] = target.emplace(name, quantity);
    if (!inserted && quantity > entry->second) entry->second = quantity;
  }
}

ResourceList Aggregate(const Pod& pod, ResourceList ResourceRequirements::*list,
                       const std::function<void(const ResourceList&)>& seen) {
  ResourceList running;
  for (const Container& container : pod.containers) {
    Add(running, container.resources.*list);
    if (seen) seen(container.resources.*list);
  }
  ResourceList sidecars;
  ResourceList peak;
  for (const Container& container : pod.init_containers) {
    ResourceList beside = sidecars;
    Add(beside, container.resources.*list);
    if (container.restartable()) {
      Add(running, container.resources.*list);
      sidecars = beside;
    }
    if (seen) seen(beside);
    TakeLarger(peak, beside);
  }
  TakeLarger(running, peak);
  return running;
}

bool HasPodLevelResource(const ResourceList& list) {
  return std::ranges::any_of(list, [](const auto& e) { return IsPodLevelResource(e.first); });
}

void ReplaceByPodLevel(ResourceList& target, const ResourceList& pod_level) {
  for (const auto& [name, quantity] : pod_level) {
    if (IsPodLevelResource(name)) target.insert_or_assign(name, quantity);
  }
}

}  // namespace

ResourceList AggregateRequests(const Pod& pod) {
  return Aggregate(pod, &ResourceRequirements::requests, nullptr);
}

ResourceList AggregateLimits(const Pod& pod, const std::function<void(const ResourceList&)>& seen) {
  return Aggregate(pod, &ResourceRequirements::limits, seen);
}

bool IsPodLevelResource(std::string_view resource) {
  return resource == kCpu || resource == kMemory || resource.starts_with(kHugepagesPrefix);
}

bool PodLevelRequestsApply(const Pod& pod, const FeatureGates& gates) {
  return gates.Enabled(kPodLevelResources) && pod.resources &&
         HasPodLevelResource(pod.resources->requests);
}

bool PodLevelResourcesApply(const Pod& pod, const FeatureGates& gates) {
  return gates.Enabled(kPodLevelResources) && pod.resources &&
         (HasPodLevelResource(pod.resources->requests) ||
          HasPodLevelResource(pod.resources->limits));
}

ResourceList PodRequests(const Pod& pod, const FeatureGates& gates) {
  ResourceList requests = AggregateRequests(pod);
  if (PodLevelRequestsApply(pod, gates)) ReplaceByPodLevel(requests, pod.resources->requests);
  Add(requests, pod.overhead);
  return requests;
}

ResourceList PodLimits(const Pod& pod, const FeatureGates& gates,
                       const std::function<void(const ResourceList&)>& seen) {
  ResourceList limits = AggregateLimits(pod, seen);
  if (PodLevelResourcesApply(pod, gates)) ReplaceByPodLevel(limits, pod.resources->limits);
  for (const auto& [name, quantity] : pod.overhead) {
    const auto limit = limits.find(name);
    if (limit != limits.end() && !limit->second.IsZero()) limit->second += quantity;
  }
  return limits;
}

}  // namespace nodeproof::kubelet
