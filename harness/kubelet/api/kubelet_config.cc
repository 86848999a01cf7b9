#include "harness/kubelet/api/kubelet_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace nodeproof::kubelet {
namespace {

std::unexpected<Error> Invalid(std::string what, std::string hint = "") {
  return std::unexpected(Error{"invalid configuration: " + std::move(what), std::move(hint), 0});
}

Status RequireOneOf(std::string_view field, std::string_view value,
                    std::initializer_list<std::string_view> allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return {};
  std::string choices;
  for (const std::string_view each : allowed) {
    choices += fmt::format("{}'{}'", choices.empty() ? "" : ", ", each);
  }
  return Invalid(fmt::format("{} '{}' is not supported", field, value), "use one of " + choices);
}

Status ValidateEnforcement(const KubeletConfiguration& config) {
  std::set<std::string_view> seen;
  for (const std::string& key : config.enforce_node_allocatable) {
    TRY(RequireOneOf(
        "enforceNodeAllocatable", key,
        {kEnforcePods, kEnforceSystemReserved, kEnforceKubeReserved,
         kEnforceSystemReservedCompressible, kEnforceKubeReservedCompressible, kEnforceNone}));
    if (!seen.insert(key).second) {
      return Invalid(fmt::format("enforceNodeAllocatable has '{}' twice", key));
    }
    if (key != kEnforceNone && !config.cgroups_per_qos) {
      return Invalid(fmt::format("cgroupsPerQOS must be true to enforce '{}'", key));
    }
  }
  struct Reserved {
    std::string_view full;
    std::string_view compressible;
    std::string_view field;
    const std::string& cgroup;
  };
  for (const Reserved& each : {Reserved{kEnforceSystemReserved, kEnforceSystemReservedCompressible,
                                        "systemReservedCgroup", config.system_reserved_cgroup},
                               Reserved{kEnforceKubeReserved, kEnforceKubeReservedCompressible,
                                        "kubeReservedCgroup", config.kube_reserved_cgroup}}) {
    const bool full = seen.contains(each.full);
    const bool compressible = seen.contains(each.compressible);
    if (full && compressible) {
      return Invalid(fmt::format("enforceNodeAllocatable has both '{}' and '{}'", each.full,
                                 each.compressible),
                     "keep one of them");
    }
    if ((full || compressible) && each.cgroup.empty()) {
      return Invalid(fmt::format("{} must be set to enforce '{}'", each.field,
                                 full ? each.full : each.compressible));
    }
  }
  if (seen.contains(kEnforceNone) && seen.size() > 1) {
    return Invalid("enforceNodeAllocatable has 'none' beside other keys");
  }
  return {};
}

Status ValidateReservedMemory(const KubeletConfiguration& config) {
  std::set<std::pair<int, std::string_view>> seen;
  for (const MemoryReservation& reservation : config.reserved_memory) {
    for (const auto& [name, quantity] : reservation.limits) {
      if (name != kMemory && !name.starts_with(kHugepagesPrefix)) {
        return Invalid(fmt::format("reservedMemory cannot reserve '{}'", name),
                       "use memory or hugepages-<size>");
      }
      if (!quantity.IsPositive()) {
        return Invalid(fmt::format("reservedMemory of {} on NUMA node {} must be positive", name,
                                   reservation.numa_node));
      }
      if (!seen.insert({reservation.numa_node, name}).second) {
        return Invalid(fmt::format("reservedMemory has {} on NUMA node {} twice", name,
                                   reservation.numa_node));
      }
    }
  }
  return {};
}

Status ValidateCpuTime(const KubeletConfiguration& config) {
  using std::chrono::milliseconds;
  const Microseconds period = config.cpu_cfs_quota_period;
  if (!config.feature_gates.Enabled(kCustomCpuCfsQuotaPeriod) && period != milliseconds(100)) {
    return Invalid("cpuCFSQuotaPeriod needs the feature gate CustomCPUCFSQuotaPeriod");
  }
  if (period < milliseconds(1) || period > std::chrono::seconds(1)) {
    return Invalid(
        fmt::format("cpuCFSQuotaPeriod of {} us must be from 1ms to 1s", period.count()));
  }
  if (!config.reserved_system_cpus.empty() &&
      !(config.system_reserved_cgroup.empty() && config.kube_reserved_cgroup.empty())) {
    return Invalid("reservedSystemCPUs excludes systemReservedCgroup and kubeReservedCgroup",
                   "remove one of them");
  }
  return {};
}

Status ValidateMemory(const KubeletConfiguration& config) {
  const double factor = config.memory_throttling_factor.value_or(1);
  if (!(factor > 0 && factor <= 1)) {
    return Invalid(fmt::format("memoryThrottlingFactor {} must be above 0 and at most 1", factor));
  }
  if (config.memory_reservation_policy == MemoryReservationPolicy::kTieredReservation &&
      !config.feature_gates.Enabled(kMemoryQoS)) {
    return Invalid("memoryReservationPolicy TieredReservation needs the feature gate MemoryQoS",
                   "set featureGates: {MemoryQoS: true}");
  }
  if (!config.qos_reserved.empty() && !config.feature_gates.Enabled(kQosReserved)) {
    return Invalid("qosReserved needs the feature gate QOSReserved");
  }
  return ValidateReservedMemory(config);
}

// A soft threshold needs a grace period, and grace periods are durations of at least 0.
Status ValidateEviction(const KubeletConfiguration& config) {
  for (const auto& [signal, text] : config.eviction_soft) {
    if (!config.eviction_soft_grace_period.contains(signal)) {
      return Invalid(fmt::format("evictionSoft {} has no evictionSoftGracePeriod", signal));
    }
  }
  for (const auto& [signal, text] : config.eviction_soft_grace_period) {
    const Result<Nanoseconds> grace = ParseDuration(text);
    if (!grace)
      return Invalid(fmt::format("evictionSoftGracePeriod {}: {}", signal, grace.error().message));
    if (grace->count() < 0) {
      return Invalid(fmt::format("evictionSoftGracePeriod {} must not be negative", signal));
    }
  }
  return {};
}

}  // namespace

std::string_view ToString(CgroupDriver driver) {
  return driver == CgroupDriver::kSystemd ? "systemd" : "cgroupfs";
}

std::string_view ToString(MemoryReservationPolicy policy) {
  return policy == MemoryReservationPolicy::kNone ? "None" : "TieredReservation";
}

std::string_view ToString(SwapBehavior behavior) {
  return behavior == SwapBehavior::kNoSwap ? "NoSwap" : "LimitedSwap";
}

bool KubeletConfiguration::Enforces(std::string_view key) const {
  return std::ranges::find(enforce_node_allocatable, key) != enforce_node_allocatable.end();
}

StringMap KubeletConfiguration::DefaultEvictionHard() {
  return {{"memory.available", "100Mi"},
          {"nodefs.available", "10%"},
          {"nodefs.inodesFree", "5%"},
          {"imagefs.available", "15%"},
          {"imagefs.inodesFree", "5%"}};
}

Status ValidateKubeletConfiguration(const KubeletConfiguration& config) {
  TRY(RequireOneOf("cpuManagerPolicy", config.cpu_manager_policy, {"none", "static"}));
  TRY(RequireOneOf("memoryManagerPolicy", config.memory_manager_policy, {"None", "Static"}));
  TRY(RequireOneOf("topologyManagerPolicy", config.topology_manager_policy,
                   {"none", "best-effort", "restricted", "single-numa-node"}));
  TRY(RequireOneOf("topologyManagerScope", config.topology_manager_scope, {"container", "pod"}));
  TRY(ValidateCpuTime(config));
  TRY(ValidateMemory(config));
  TRY(ValidateEviction(config));
  if (config.max_pods < 0) return Invalid("maxPods must not be negative");
  return ValidateEnforcement(config);
}

Result<Nanoseconds> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  static constexpr Unit kUnits[] = {{"ns", 1},  {"us", 1e3}, {"µs", 1e3},  {"ms", 1e6},
                                    {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
  const auto refuse = [&] {
    return std::unexpected(WithHint(Error{fmt::format("'{}' is not a duration", text), "", 0},
                                    "write a number and unit such as 100ms, 30s or 1m30s"));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Nanoseconds(0);
  if (rest.empty()) return refuse();
  double total = 0;
  while (!rest.empty()) {
    double value = 0;
    if (rest[0] != '.' && (rest[0] < '0' || rest[0] > '9')) return refuse();
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), value, std::chars_format::fixed);
    if (error != std::errc()) return refuse();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    const size_t size = std::min(rest.find_first_of("0123456789."), rest.size());
    const auto unit = std::ranges::find(kUnits, rest.substr(0, size), &Unit::name);
    if (unit == std::end(kUnits)) return refuse();
    total += value * unit->nanoseconds;
    rest.remove_prefix(size);
  }
  constexpr double kLongest = 9.2e18;  // of int64 nanoseconds: 292 years
  if (!(total < kLongest)) return refuse();
  const auto nanoseconds = static_cast<int64_t>(std::llround(total));
  return Nanoseconds(negative ? -nanoseconds : nanoseconds);
}

}  // namespace nodeproof::kubelet
