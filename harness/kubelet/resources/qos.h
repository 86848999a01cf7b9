// Who a pod is to the node: its QoS class and its containers' oom_score_adj.
#pragma once

#include <cstdint>
#include <string>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

// The class computed from the spec (pkg/apis/core/v1/helper/qos/qos.go ComputePodQOS, v1.36). Only
// positive cpu and memory count; pod-level resources, if present and gated on, are all that counts.
QosClass ComputeQosClass(const Pod& pod, const FeatureGates& gates);

// The class in the status if there is one, else the computed (GetPodQOS).
QosClass QosClassOf(const Pod& pod, const FeatureGates& gates);

inline constexpr int kGuaranteedOomScoreAdj = -997;
inline constexpr int kBestEffortOomScoreAdj = 1000;

struct OomScoreAdj {
  int value = 0;
  std::string derivation;  // "1000 - 1000 x 104857600 / 8589934592 = 988"
};

// What the runtime writes into oom_score_adj of the container's processes
// (pkg/kubelet/qos/policy.go GetContainerOOMScoreAdjust, v1.36). `container` is one of the pod's
// containers or init containers; `memory_capacity` is the machine's, and must be positive for a
// Burstable pod.
Result<OomScoreAdj> ContainerOomScoreAdj(const Pod& pod, const Container& container,
                                         Bytes memory_capacity, const FeatureGates& gates);

}  // namespace nodeproof::kubelet
