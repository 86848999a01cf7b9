// Requests and limits as eviction reads them, on top of the aggregation that all of the kubelet
// shares.
#pragma once

#include <optional>
#include <string_view>

#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/api/quantity.h"

namespace nodeproof::kubelet::eviction {

// The request that usage is measured against: the pod's aggregated request of `resource` plus, if
// that is not zero, its overhead. With PodLevelResources on and any pod-level resource set,
// containers are skipped: a pod-level cpu request alone makes the memory request 0
// (pkg/api/v1/resource/helpers.go GetResourceRequestQuantity, Kubernetes 1.36.2).
Quantity EvictionRequest(const Pod& pod, std::string_view resource, const FeatureGates& gates = {});

// The pod's aggregated ephemeral-storage limit; nullopt if no container sets one.
std::optional<Quantity> EphemeralStorageLimit(const Pod& pod, const FeatureGates& gates = {});

}  // namespace nodeproof::kubelet::eviction
