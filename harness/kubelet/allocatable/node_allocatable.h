// Node Allocatable: what of a node's capacity pods may have, and which cgroup is made to keep it
// (pkg/kubelet/cm/node_container_manager_linux.go, v1.36).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/eviction/thresholds.h"
#include "harness/kubelet/resources/hugepages.h"

namespace nodeproof::kubelet {

struct NodeReservations {
  ResourceList capacity;
  ResourceList system_reserved;
  ResourceList kube_reserved;
  std::vector<eviction::Threshold> hard_eviction;
};

// The reservations of a configuration on a node. reservedSystemCPUs takes the place of the cpu
// entries of systemReserved and kubeReserved (cmd/kubelet/app/server.go). Errors: those of
// eviction::ParseThresholds().
Result<NodeReservations> ReservationsOf(const NodeSpec& node, const KubeletConfiguration& config);

// What the scheduler must leave alone: system + kube + hard eviction, for each resource of the
// capacity where that is not zero (GetNodeAllocatableReservation).
ResourceList SchedulingReservation(const NodeReservations& node);

// capacity - SchedulingReservation, at least 0: the node's `allocatable`.
ResourceList Allocatable(const NodeReservations& node);

// capacity - system - kube, at least 0: the limits of the kubepods cgroup. The eviction threshold
// is not taken off (getNodeAllocatableInternalAbsolute).
ResourceList EnforcedOnPods(const NodeReservations& node);

// Errors: a reservation above the capacity, all such resources named (validateNodeAllocatable).
Status ValidateReservations(const NodeReservations& node);

// The knobs of the node-level cgroups; nullopt leaves the knob alone (getCgroupConfig).
struct NodeCgroupConfig {
  std::optional<int64_t> cpu_shares;
  std::optional<Bytes> memory_limit;
  std::optional<Bytes> memory_min;  // Memory QoS 1.36, on enforced reservations
  std::optional<int64_t> pids_limit;
  HugePageLimits hugepage_limits;
  bool operator==(const NodeCgroupConfig&) const = default;
};

// Of a resource list; `compressible_only` has the shares alone.
NodeCgroupConfig NodeCgroupConfigOf(const ResourceList& resources, bool compressible_only = false);

struct NodeEnforcement {
  NodeCgroupConfig kubepods;
  bool kubepods_from_capacity = false;              // `pods` is not enforced
  std::optional<NodeCgroupConfig> system_reserved;  // of systemReservedCgroup
  std::optional<NodeCgroupConfig> kube_reserved;    // of kubeReservedCgroup
};

// Which cgroup gets what, by enforceNodeAllocatable.
NodeEnforcement Enforcement(const NodeReservations& node, const KubeletConfiguration& config);

}  // namespace nodeproof::kubelet
