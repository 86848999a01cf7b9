// Requests and limits as eviction reads them, on top of the aggregation that all of the kubelet
// shares.
#include "harness/kubelet/eviction/requests.h"

namespace nodeproof::kubelet::eviction {

Quantity EvictionRequest(const Pod& pod, std::string_view resource, const FeatureGates&) {
  Quantity total;
  for (const Container& container : pod.containers) total += Amount(container.requests(), resource);
  return total;
}
std::optional<Quantity> EphemeralStorageLimit(const Pod& pod, const FeatureGates&) {
  std::optional<Quantity> total;
  for (const Container& container : pod.containers) {
    if (auto q = Find(container.limits(), kEphemeralStorage))
      total = total.value_or(Quantity()) + *q;
  }
  return total;
}
QosClass QosClassOf(const Pod& pod, const FeatureGates&) {
  return pod.containers[0].requests().empty() ? QosClass::kBestEffort : QosClass::kBurstable;
}

}  // namespace nodeproof::kubelet::eviction
