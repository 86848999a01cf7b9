#include "harness/kubelet/resources/pod_resources.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "harness/kubelet/api/aggregate.h"
#include "harness/kubelet/resources/cpu_conversion.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

// Whether every container declares a limit, as the kubelet looks at it.
struct DeclaredLimits {
  bool cpu = true;
  bool memory = true;
};

int64_t AddSaturated(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

// percent of bytes, as the kubelet computes it: bytes x percent / 100.
int64_t Percent(int64_t bytes, int64_t percent) {
  return static_cast<int64_t>(static_cast<__int128>(bytes) * percent / 100);
}

Result<int64_t> ParsePercent(std::string_view text) {
  const auto refuse = [&] {
    return std::unexpected(
        WithHint(Error{fmt::format("qosReserved: '{}' is not a percentage", text), "", 0},
                 "write a whole number from 0% to 100%"));
  };
  if (!text.ends_with('%')) return refuse();
  while (text.ends_with('%')) text.remove_suffix(1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 100) {
    return refuse();
  }
  return value;
}

}  // namespace

ResourceConfig ResourceConfigForPod(const Pod& pod, const PodResourceSettings& settings,
                                    const FeatureGates& gates) {
  DeclaredLimits declared;
  const ResourceList requests = PodRequests(pod, gates);
  const ResourceList limits = PodLimits(pod, gates, [&](const ResourceList& seen) {
    declared.cpu = declared.cpu && !Amount(seen, kCpu).IsZero();
    declared.memory = declared.memory && !Amount(seen, kMemory).IsZero();
  });
  if (PodLevelResourcesApply(pod, gates)) {
    declared.cpu = declared.cpu || !Amount(pod.resources->limits, kCpu).IsZero();
    declared.memory = declared.memory || !Amount(pod.resources->limits, kMemory).IsZero();
  }

  const Microseconds quota_period =
      gates.Enabled(kCustomCpuCfsQuotaPeriod) ? settings.cpu_period : kDefaultQuotaPeriod;
  const int64_t quota = settings.enforce_cpu_limits
                            ? MilliCpuToQuota({Amount(limits, kCpu).MilliValue()}, quota_period)
                            : kNoQuota;

  const QosClass qos = QosClassOf(pod, gates);
  ResourceConfig config;
  config.hugepage_limits = HugePageLimitsOf(requests);
  if (qos == QosClass::kBestEffort) {
    config.cpu_shares = kMinShares;
  } else {
    const bool guaranteed = qos == QosClass::kGuaranteed;
    config.cpu_shares = MilliCpuToShares({Amount(requests, kCpu).MilliValue()});
    if (guaranteed || declared.cpu) {
      config.cpu_quota_usec = quota;
      config.cpu_period = settings.cpu_period;
    }
    if (guaranteed || declared.memory) {
      config.memory_limit = Bytes{Amount(limits, kMemory).Value()};
    }
  }
  if (settings.memory_qos) {
    config.unified =
        PodMemoryQos(qos, Bytes{Amount(requests, kMemory).Value()}, *settings.memory_qos);
  }
  return config;
}

QosSums SumByQos(const std::vector<Pod>& pods, const FeatureGates& gates) {
  QosSums sums;
  for (const Pod& pod : pods) {
    if (IsTerminated(pod)) continue;
    const QosClass qos = QosClassOf(pod, gates);
    if (qos == QosClass::kBestEffort) continue;
    const ResourceList requests = PodRequests(pod, gates);
    const int64_t memory = Amount(requests, kMemory).Value();
    if (qos == QosClass::kGuaranteed) {
      sums.guaranteed_memory_requests = {
          AddSaturated(sums.guaranteed_memory_requests.value, memory)};
    } else {
      sums.burstable_memory_requests = {AddSaturated(sums.burstable_memory_requests.value, memory)};
      sums.burstable_cpu_requests = {
          AddSaturated(sums.burstable_cpu_requests.value, Amount(requests, kCpu).MilliValue())};
    }
  }
  return sums;
}

int64_t BurstableShares(const QosSums& sums) {
  return MilliCpuToShares(sums.burstable_cpu_requests);
}

Result<std::optional<int64_t>> ParseQosReservedMemory(const StringMap& qos_reserved) {
  std::optional<int64_t> percent;
  for (const auto& [resource, text] : qos_reserved) {
    if (resource != kMemory) {
      return std::unexpected(
          WithHint(Error{fmt::format("qosReserved: cannot reserve '{}'", resource), "", 0},
                   "only memory can be reserved"));
    }
    percent = TRY(ParsePercent(text));
  }
  return percent;
}

QosMemoryLimits QosReservedLimits(Bytes allocatable_memory, const QosSums& sums, int64_t percent) {
  QosMemoryLimits limits;
  limits.burstable =
      allocatable_memory - Bytes{Percent(sums.guaranteed_memory_requests.value, percent)};
  limits.besteffort =
      limits.burstable - Bytes{Percent(sums.burstable_memory_requests.value, percent)};
  return limits;
}

Bytes QosLimitForUsage(Bytes wanted, Bytes memory_current) {
  return std::max(wanted, memory_current);
}

}  // namespace nodeproof::kubelet
