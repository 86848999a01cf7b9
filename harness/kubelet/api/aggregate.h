// What a pod asks for as a whole: its containers' requests and limits, start-up peaks, sidecars,
// pod-level resources and overhead (staging/src/k8s.io/component-helpers/resource/helpers.go,
// v1.36).
#pragma once

#include <functional>

#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

// Per resource max(containers + sidecars, peak during start-up), where an init container runs
// beside the sidecars before it. No pod-level values, no overhead.
ResourceList AggregateRequests(const Pod& pod);

// The same of the limits. `seen`, if given, is called with each container's limits as they enter
// the sum: an app container's own, the sidecars' total so far for a sidecar, and an ordinary init
// container's own plus the sidecars before it.
ResourceList AggregateLimits(const Pod& pod,
                             const std::function<void(const ResourceList&)>& seen = nullptr);

// Pod-level resources may hold cpu, memory and hugepages-*.
bool IsPodLevelResource(std::string_view resource);
// spec.resources.requests has a supported resource, and the gate PodLevelResources is on.
bool PodLevelRequestsApply(const Pod& pod, const FeatureGates& gates);
// spec.resources has a supported resource in either list, and the gate is on.
bool PodLevelResourcesApply(const Pod& pod, const FeatureGates& gates);

// Aggregate, replaced resource by resource with pod-level values, plus overhead (PodRequests).
ResourceList PodRequests(const Pod& pod, const FeatureGates& gates);

// The same of limits; overhead is added only to limits that are not zero (PodLimits).
ResourceList PodLimits(const Pod& pod, const FeatureGates& gates,
                       const std::function<void(const ResourceList&)>& seen = nullptr);

}  // namespace nodeproof::kubelet
