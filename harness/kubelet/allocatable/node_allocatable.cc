#include "harness/kubelet/allocatable/node_allocatable.h"

#include <algorithm>

#include "harness/kubelet/resources/cpu_conversion.h"

namespace nodeproof::kubelet {
namespace {

// The resource of which a hard threshold on `signal` keeps some free, or empty.
std::string_view ReservedBy(eviction::Signal signal) {
  switch (signal) {
    case eviction::Signal::kMemoryAvailable:
      return kMemory;
    case eviction::Signal::kNodeFsAvailable:
      return kEphemeralStorage;
    default:
      return "";
  }
}

// Memory and ephemeral storage that hard eviction thresholds keep free; the last one of a signal
// wins.
ResourceList EvictionReservation(const NodeReservations& node) {
  ResourceList reservation;
  for (const eviction::Threshold& threshold : node.hard_eviction) {
    const std::string_view resource = ReservedBy(threshold.signal);
    if (resource.empty()) continue;
    const int64_t capacity = Amount(node.capacity, resource).Value();
    reservation.insert_or_assign(std::string(resource),
                                 eviction::Resolve(threshold.value, capacity));
  }
  return reservation;
}

// capacity minus what `reserved` says for each of its resources, at least 0.
template <typename Reserved>
ResourceList Remaining(const ResourceList& capacity, const Reserved& reserved) {
  ResourceList remaining;
  for (const auto& [name, quantity] : capacity) {
    const Quantity left = quantity - reserved(name);
    remaining.emplace(name, left.IsNegative() ? Quantity() : left);
  }
  return remaining;
}

std::optional<NodeCgroupConfig> ReservedCgroup(const ResourceList& reserved, bool full,
                                               bool compressible, bool memory_qos) {
  if (!full && !compressible) return std::nullopt;
  NodeCgroupConfig config = NodeCgroupConfigOf(reserved, !full);
  if (full && memory_qos) config.memory_min = config.memory_limit;
  return config;
}

}  // namespace

Result<NodeReservations> ReservationsOf(const NodeSpec& node, const KubeletConfiguration& config) {
  NodeReservations reservations{Capacity(node), config.system_reserved, config.kube_reserved, {}};
  reservations.hard_eviction = TRY(eviction::ParseThresholds(eviction::SettingsOf(config)));
  std::erase_if(reservations.hard_eviction,
                [](const eviction::Threshold& threshold) { return !threshold.hard(); });
  if (!config.reserved_system_cpus.empty()) {
    reservations.kube_reserved.erase(std::string(kCpu));
    reservations.system_reserved.insert_or_assign(
        std::string(kCpu),
        Quantity::FromUnits(static_cast<int64_t>(config.reserved_system_cpus.size())));
  }
  return reservations;
}

ResourceList SchedulingReservation(const NodeReservations& node) {
  const ResourceList eviction = EvictionReservation(node);
  ResourceList reservation;
  for (const auto& [name, quantity] : node.capacity) {
    const Quantity sum = Amount(node.system_reserved, name) + Amount(node.kube_reserved, name) +
                         Amount(eviction, name);
    if (!sum.IsZero()) reservation.emplace(name, sum);
  }
  return reservation;
}

ResourceList Allocatable(const NodeReservations& node) {
  const ResourceList reservation = SchedulingReservation(node);
  return Remaining(node.capacity,
                   [&](const std::string& name) { return Amount(reservation, name); });
}

ResourceList EnforcedOnPods(const NodeReservations& node) {
  return Remaining(node.capacity, [&](const std::string& name) {
    return Amount(node.system_reserved, name) + Amount(node.kube_reserved, name);
  });
}

Status ValidateReservations(const NodeReservations& node) {
  std::string problems;
  for (const auto& [name, reserved] : SchedulingReservation(node)) {
    const Quantity capacity = Amount(node.capacity, name);
    if (reserved <= capacity) continue;
    problems += fmt::format("{}{} of {} reserved, {} there", problems.empty() ? "" : ", ",
                            reserved.ToString(), name, capacity.ToString());
  }
  if (problems.empty()) return {};
  return std::unexpected(WithHint(Error{"more is reserved than the node has: " + problems, "", 0},
                                  "lower systemReserved, kubeReserved or evictionHard"));
}

NodeCgroupConfig NodeCgroupConfigOf(const ResourceList& resources, bool compressible_only) {
  NodeCgroupConfig config;
  if (const auto cpu = Find(resources, kCpu))
    config.cpu_shares = MilliCpuToShares({cpu->MilliValue()});
  if (compressible_only) return config;
  if (const auto memory = Find(resources, kMemory)) config.memory_limit = Bytes{memory->Value()};
  if (const auto pids = Find(resources, kPid)) config.pids_limit = pids->Value();
  config.hugepage_limits = HugePageLimitsOf(resources);
  return config;
}

NodeEnforcement Enforcement(const NodeReservations& node, const KubeletConfiguration& config) {
  const bool memory_qos = config.feature_gates.Enabled(kMemoryQoS);
  NodeEnforcement enforcement;
  enforcement.kubepods_from_capacity = !config.Enforces(kEnforcePods);
  enforcement.kubepods =
      NodeCgroupConfigOf(enforcement.kubepods_from_capacity ? node.capacity : EnforcedOnPods(node));
  enforcement.system_reserved =
      ReservedCgroup(node.system_reserved, config.Enforces(kEnforceSystemReserved),
                     config.Enforces(kEnforceSystemReservedCompressible), memory_qos);
  enforcement.kube_reserved =
      ReservedCgroup(node.kube_reserved, config.Enforces(kEnforceKubeReserved),
                     config.Enforces(kEnforceKubeReservedCompressible), memory_qos);
  return enforcement;
}

}  // namespace nodeproof::kubelet
