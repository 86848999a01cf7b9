// What the kubelet sets on a pod's cgroup, and on the QoS-level cgroups above it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/resources/hugepages.h"
#include "harness/kubelet/resources/memory_qos.h"

namespace nodeproof::kubelet {

// The kubelet's ResourceConfig; nullopt is "leave the knob alone".
struct ResourceConfig {
  std::optional<int64_t> cpu_shares;
  std::optional<int64_t> cpu_quota_usec;  // kNoQuota: no limit; 0 is written as no limit as well
  std::optional<Microseconds> cpu_period;
  std::optional<Bytes> memory_limit;
  HugePageLimits hugepage_limits;
  UnifiedKnobs unified;
  bool operator==(const ResourceConfig&) const = default;
};

struct PodResourceSettings {
  bool enforce_cpu_limits = true;
  Microseconds cpu_period{100'000};
  std::optional<MemoryQosSettings> memory_qos;  // set: gate MemoryQoS is on
};

// pkg/kubelet/cm/helpers_linux.go ResourceConfigForPod, v1.36. The period is the default while the
// gate CustomCPUCFSQuotaPeriod is off; only the quota's arithmetic follows that, the period itself
// is passed on.
ResourceConfig ResourceConfigForPod(const Pod& pod, const PodResourceSettings& settings,
                                    const FeatureGates& gates);

// Sums over the active pods that the QoS-level cgroups follow.
struct QosSums {
  MilliCpu burstable_cpu_requests;
  Bytes guaranteed_memory_requests;
  Bytes burstable_memory_requests;
};

// Terminated pods are left out.
QosSums SumByQos(const std::vector<Pod>& pods, const FeatureGates& gates);

// cpu.shares of the Burstable slice; the BestEffort slice has kMinShares, the Guaranteed parent is
// the node slice and is left alone (pkg/kubelet/cm/qos_container_manager_linux.go, v1.36).
int64_t BurstableShares(const QosSums& sums);

// qosReserved: {"memory": "50%"} -> 50. Errors: another resource, not a whole 0%..100%.
Result<std::optional<int64_t>> ParseQosReservedMemory(const StringMap& qos_reserved);

// memory.max of the QoS slices under qosReserved (gate QOSReserved): what is left when `percent` of
// the higher classes' requests is set aside.
struct QosMemoryLimits {
  Bytes burstable;
  Bytes besteffort;
};
QosMemoryLimits QosReservedLimits(Bytes allocatable_memory, const QosSums& sums, int64_t percent);

// What the kubelet tries next when a first write of a QoS slice's memory.max failed: the usage, if
// that is above the limit wanted.
Bytes QosLimitForUsage(Bytes wanted, Bytes memory_current);

}  // namespace nodeproof::kubelet
