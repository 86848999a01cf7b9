// Memory QoS (KEP-2570, gate MemoryQoS): memory.min, memory.low and memory.high of each level.
// Three generations differ:
//
//            container               pod                   kubepods, burstable   memory.high
//   1.22     min = request           min = request sum     min sums              factor x limit
//   1.27     min = request           min = request sum     min sums              between request
//   and limit 1.36     min or low = request,   min or low, only if   kubepods min,         as 1.27,
//   only if
//            only if tiered; else 0  tiered                burstable low         request != limit
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "harness/base/units.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

enum class MemoryQosGeneration { k1_22, k1_27, k1_36 };
std::string_view ToString(MemoryQosGeneration generation);

// Knob file -> value, as the CRI's and libcontainer's "unified" map.
using UnifiedKnobs = std::map<std::string, std::string, std::less<>>;

// 0.9, and 0.8 in 1.22.
double DefaultThrottlingFactor(MemoryQosGeneration generation);

struct MemoryQosSettings {
  MemoryQosGeneration generation = MemoryQosGeneration::k1_36;
  MemoryReservationPolicy policy = MemoryReservationPolicy::kNone;  // of 1.36
  double throttling_factor = 0.9;
  Bytes page_size{4096};
  // The node's memory less what is reserved for system and kube, which the kubelet takes where
  // there is no limit (GetNodeAllocatableAbsolute); 0 when unknown.
  Bytes node_allocatable_memory;
};

// memory.high of a container, or nullopt where none is written (kuberuntime_container_linux.go,
// v1.36): request + (limit or node allocatable - request) x factor, cut to a page, if above the
// request. A limit of 0 is no limit.
//   1.22 has factor x limit (or x node allocatable), not cut to a page, and none where that falls
//   below the request.
std::optional<Bytes> MemoryHigh(Bytes request, Bytes limit, const MemoryQosSettings& settings);

// The container's memory.min, memory.low and memory.high.
UnifiedKnobs ContainerMemoryQos(QosClass qos, Bytes request, Bytes limit,
                                const MemoryQosSettings& settings);

// The pod's, from its total memory request with overhead.
UnifiedKnobs PodMemoryQos(QosClass qos, Bytes request, const MemoryQosSettings& settings);

struct QosMemoryProtection {
  UnifiedKnobs kubepods;
  UnifiedKnobs burstable;
};

// Of the node and Burstable slices, from the memory requests of the active pods. Values of 0 are
// written in 1.36 to clear older ones; before, they were left alone.
QosMemoryProtection QosLevelMemoryProtection(Bytes guaranteed_requests, Bytes burstable_requests,
                                             const MemoryQosSettings& settings);

}  // namespace nodeproof::kubelet
