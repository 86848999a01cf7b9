// KubeletConfiguration (kubelet.config.k8s.io/v1beta1): the fields that decide how a node isolates,
// with the defaults of Kubernetes 1.36 (pkg/kubelet/apis/config/v1beta1/defaults.go).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/units.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::kubelet {

enum class CgroupDriver { kSystemd, kCgroupfs };
std::string_view ToString(CgroupDriver driver);

enum class MemoryReservationPolicy { kNone, kTieredReservation };
std::string_view ToString(MemoryReservationPolicy policy);

enum class SwapBehavior { kNoSwap, kLimitedSwap };
std::string_view ToString(SwapBehavior behavior);

// Keys of enforceNodeAllocatable.
inline constexpr std::string_view kEnforcePods = "pods";
inline constexpr std::string_view kEnforceSystemReserved = "system-reserved";
inline constexpr std::string_view kEnforceKubeReserved = "kube-reserved";
inline constexpr std::string_view kEnforceSystemReservedCompressible =
    "system-reserved-compressible";
inline constexpr std::string_view kEnforceKubeReservedCompressible = "kube-reserved-compressible";
inline constexpr std::string_view kEnforceNone = "none";

// Memory that the Memory Manager keeps from pods on one NUMA node.
struct MemoryReservation {
  int numa_node = 0;
  ResourceList limits;  // memory, hugepages-*
  bool operator==(const MemoryReservation&) const = default;
};

using StringMap = std::map<std::string, std::string, std::less<>>;

struct KubeletConfiguration {
  std::string cpu_manager_policy = "none";  // "none" or "static"
  StringMap cpu_manager_policy_options;
  std::string topology_manager_policy = "none";      // or best-effort, restricted, single-numa-node
  std::string topology_manager_scope = "container";  // or "pod"
  StringMap topology_manager_policy_options;
  std::string memory_manager_policy = "None";  // or "Static"
  std::vector<MemoryReservation> reserved_memory;
  CpuSet reserved_system_cpus;

  ResourceList system_reserved;
  ResourceList kube_reserved;
  std::string system_reserved_cgroup;
  std::string kube_reserved_cgroup;
  std::vector<std::string> enforce_node_allocatable = {std::string(kEnforcePods)};
  StringMap qos_reserved;  // resource -> "N%"; gate QOSReserved

  // Signal -> "100Mi" or "10%". `eviction_hard` holds the defaults until it is given, be it empty.
  StringMap eviction_hard = DefaultEvictionHard();
  StringMap eviction_soft;
  StringMap eviction_soft_grace_period;  // signal -> duration text, "1m30s"
  StringMap eviction_minimum_reclaim;
  int eviction_max_pod_grace_period_seconds = 0;
  Nanoseconds eviction_pressure_transition_period = std::chrono::minutes(5);
  bool merge_default_eviction_settings = false;

  int64_t pod_pids_limit = -1;  // -1 or 0: no limit
  int max_pods = 110;
  bool cpu_cfs_quota = true;
  Microseconds cpu_cfs_quota_period = std::chrono::milliseconds(100);
  std::optional<double> memory_throttling_factor;  // unset: 0.9, and 0.8 before 1.27
  MemoryReservationPolicy memory_reservation_policy = MemoryReservationPolicy::kNone;
  std::optional<bool> single_process_oom_kill;  // unset: false on cgroup v2
  SwapBehavior swap_behavior = SwapBehavior::kNoSwap;
  bool fail_swap_on = true;

  // Unset: the kubelet asks the container runtime.
  std::optional<CgroupDriver> cgroup_driver;
  std::string cgroup_root = "/";
  bool cgroups_per_qos = true;
  FeatureGates feature_gates;

  bool Enforces(std::string_view key) const;
  bool operator==(const KubeletConfiguration&) const = default;

  // The hard thresholds of a Linux node that sets none.
  static StringMap DefaultEvictionHard();
};

struct ParsedKubeletConfiguration {
  KubeletConfiguration config;
  std::vector<std::string> warnings;  // unknown fields and gates, one line each
};

struct ConfigParseOptions {
  bool strict = false;  // unknown fields, gates and duplicate keys are errors, not warnings
};

// Reads a KubeletConfiguration as YAML or JSON. Errors: malformed YAML (with line and column),
// another kind or version, a field of the wrong type, and everything that
// ValidateKubeletConfiguration refuses.
Result<ParsedKubeletConfiguration> ParseKubeletConfiguration(
    std::string_view text, const ConfigParseOptions& options = {});

// Values out of range and options that exclude each other, as
// pkg/kubelet/apis/config/validation/validation.go refuses them; the first one found.
Status ValidateKubeletConfiguration(const KubeletConfiguration& config);

// A Go duration: "300ms", "1m30s", "1.5h", "0"; negative ones too. Errors name the text.
Result<Nanoseconds> ParseDuration(std::string_view text);

}  // namespace nodeproof::kubelet
