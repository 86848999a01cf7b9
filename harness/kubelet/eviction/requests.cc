#include "harness/kubelet/eviction/requests.h"

#include "harness/kubelet/api/aggregate.h"

namespace nodeproof::kubelet::eviction {

Quantity EvictionRequest(const Pod& pod, std::string_view resource, const FeatureGates& gates) {
  Quantity request;
  if (!PodLevelResourcesApply(pod, gates)) {
    request = Amount(AggregateRequests(pod), resource);
  } else if (IsPodLevelResource(resource)) {
    request = Amount(pod.resources->requests, resource);
  }
  if (!request.IsZero()) request += Amount(pod.overhead, resource);
  return request;
}

std::optional<Quantity> EphemeralStorageLimit(const Pod& pod, const FeatureGates& gates) {
  return Find(PodLimits(pod, gates), kEphemeralStorage);
}

}  // namespace nodeproof::kubelet::eviction
