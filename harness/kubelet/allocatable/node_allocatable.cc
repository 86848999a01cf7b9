#include "harness/kubelet/allocatable/node_allocatable.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "harness/kubelet/resources/cpu_conversion.h"

namespace nodeproof::kubelet {
namespace {

constexpr std::string_view kMemoryAvailable = "memory.available";
constexpr std::string_view kNodefsAvailable = "nodefs.available";

Quantity ThresholdAmount(const ReservedThreshold& threshold, const Quantity& capacity) {
  if (threshold.quantity) return *threshold.quantity;
  const double share =
      static_cast<double>(capacity.Value()) * static_cast<double>(threshold.percentage);
  return Quantity::FromBytes(static_cast<int64_t>(share));
}

// Memory and ephemeral storage that hard eviction thresholds keep free; the last one of a signal
// wins.
ResourceList EvictionReservation(const NodeReservations& node) {
  ResourceList reservation;
  for (const ReservedThreshold& threshold : node.hard_eviction) {
    const std::string_view resource = threshold.signal == kMemoryAvailable   ? kMemory
                                      : threshold.signal == kNodefsAvailable ? kEphemeralStorage
                                                                             : "";
    if (resource.empty()) continue;
    reservation.insert_or_assign(std::string(resource),
                                 ThresholdAmount(threshold, Amount(node.capacity, resource)));
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

Result<std::optional<ReservedThreshold>> ParseThreshold(const std::string& signal,
                                                        const std::string& text) {
  const auto refuse = [&] {
    return std::unexpected(
        WithHint(Error{fmt::format("evictionHard: {}: '{}' is no threshold", signal, text), "", 0},
                 "write a positive quantity such as 100Mi or a percentage such as 5%"));
  };
  if (text == "0%" || text == "100%") return std::nullopt;
  if (text.ends_with('%')) {
    float percent = 0;
    const char* const end = text.data() + text.size() - 1;
    const auto [at, error] = std::from_chars(text.data(), end, percent);
    if (error != std::errc() || at != end || !(percent >= 0 && percent <= 100)) return refuse();
    return ReservedThreshold{signal, std::nullopt, percent / 100};
  }
  const Result<Quantity> quantity = Quantity::Parse(text);
  if (!quantity || !quantity->IsPositive()) return refuse();
  return ReservedThreshold{signal, *quantity, 0};
}

std::optional<NodeCgroupConfig> ReservedCgroup(const ResourceList& reserved, bool full,
                                               bool compressible, bool memory_qos) {
  if (!full && !compressible) return std::nullopt;
  NodeCgroupConfig config = NodeCgroupConfigOf(reserved, !full);
  if (full && memory_qos) config.memory_min = config.memory_limit;
  return config;
}

}  // namespace

Result<std::vector<ReservedThreshold>> HardThresholds(const KubeletConfiguration& config) {
  std::vector<ReservedThreshold> thresholds;
  for (const auto& [signal, text] : config.eviction_hard) {
    if (auto threshold = TRY(ParseThreshold(signal, text))) {
      thresholds.push_back(std::move(*threshold));
    }
  }
  return thresholds;
}

Result<NodeReservations> ReservationsOf(const NodeSpec& node, const KubeletConfiguration& config) {
  NodeReservations reservations{Capacity(node), config.system_reserved, config.kube_reserved, {}};
  reservations.hard_eviction = TRY(HardThresholds(config));
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
