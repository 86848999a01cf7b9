#include "harness/kubelet/resources/qos.h"

#include <algorithm>
#include <optional>

#include "harness/kubelet/api/aggregate.h"

namespace nodeproof::kubelet {
namespace {

constexpr std::string_view kQosResources[] = {kCpu, kMemory};

// The positive cpu and memory entries.
ResourceList Positive(const ResourceList& list) {
  ResourceList positive;
  for (const std::string_view name : kQosResources) {
    if (const Quantity amount = Amount(list, name); amount.IsPositive()) {
      positive.emplace(name, amount);
    }
  }
  return positive;
}

bool HasEveryQosResource(const ResourceList& positive) {
  return positive.size() == std::size(kQosResources);
}

struct QosTotals {
  ResourceList requests;
  ResourceList limits;
  bool every_limit_set = true;
};

QosTotals TotalsOfPodLevel(const ResourceRequirements& resources) {
  QosTotals totals{Positive(resources.requests), Positive(resources.limits)};
  if (!resources.limits.empty()) totals.every_limit_set = HasEveryQosResource(totals.limits);
  return totals;
}

QosTotals TotalsOfContainers(const Pod& pod) {
  QosTotals totals;
  const auto add = [&](const Container& container) {
    const ResourceList limits = Positive(container.limits());
    Add(totals.requests, Positive(container.requests()));
    Add(totals.limits, limits);
    totals.every_limit_set = totals.every_limit_set && HasEveryQosResource(limits);
  };
  std::ranges::for_each(pod.containers, add);
  std::ranges::for_each(pod.init_containers, add);
  return totals;
}

// (1000 x request) / capacity, truncating as the kubelet does.
int64_t PerMille(__int128 request, Bytes capacity) {
  return static_cast<int64_t>(request * 1000 / capacity.value);
}

// What of the pod-level memory request no container asked for, per container.
int64_t UnclaimedPerContainer(const Pod& pod) {
  const Quantity pod_request = Amount(pod.resources->requests, kMemory);
  if (pod_request.IsZero()) return 0;
  const int64_t claimed = Amount(AggregateRequests(pod), kMemory).Value();
  const auto containers = static_cast<int64_t>(pod.containers.size() + pod.init_containers.size());
  return containers == 0 ? 0 : (pod_request.Value() - claimed) / containers;
}

bool IsSidecar(const Pod& pod, const Container& container) {
  return container.restartable() &&
         std::ranges::any_of(pod.init_containers,
                             [&](const Container& each) { return each.name == container.name; });
}

int64_t LeastRegularMemoryRequest(const Pod& pod) {
  std::optional<int64_t> least;
  for (const Container& container : pod.containers) {
    const int64_t request = Amount(container.requests(), kMemory).Value();
    least = least ? std::min(*least, request) : request;
  }
  return least.value_or(0);
}

OomScoreAdj BurstableOomScoreAdj(const Pod& pod, const Container& container, Bytes capacity,
                                 const FeatureGates& gates) {
  const int64_t own = Amount(container.requests(), kMemory).Value();
  const int64_t share = PodLevelRequestsApply(pod, gates) ? UnclaimedPerContainer(pod) : 0;
  int64_t request = own;
  int64_t score = 1000 - PerMille(static_cast<__int128>(own) + share, capacity);
  std::string why = share == 0 ? fmt::format("{}", own) : fmt::format("({} + {})", own, share);

  if (IsSidecar(pod, container)) {
    // A sidecar is never killed before the regular container that asked for least.
    request = LeastRegularMemoryRequest(pod);
    const int64_t least = 1000 - PerMille(static_cast<__int128>(request) + share, capacity);
    if (least < score) {
      score = least;
      why = share == 0 ? fmt::format("{}", request) : fmt::format("({} + {})", request, share);
    }
  }
  OomScoreAdj result{static_cast<int>(std::clamp<int64_t>(score, 1000 + kGuaranteedOomScoreAdj,
                                                          kBestEffortOomScoreAdj - 1)),
                     fmt::format("1000 - 1000 x {} / {}", why, capacity.value)};
  if (result.value != score) result.derivation += fmt::format(" = {}, kept in 3..999", score);
  return result;
}

}  // namespace

QosClass ComputeQosClass(const Pod& pod, const FeatureGates& gates) {
  const QosTotals totals = gates.Enabled(kPodLevelResources) && pod.resources
                               ? TotalsOfPodLevel(*pod.resources)
                               : TotalsOfContainers(pod);
  if (totals.requests.empty() && totals.limits.empty()) return QosClass::kBestEffort;
  const bool equal = std::ranges::all_of(totals.requests, [&](const auto& request) {
    return Find(totals.limits, request.first) == request.second;
  });
  return totals.every_limit_set && equal && totals.requests.size() == totals.limits.size()
             ? QosClass::kGuaranteed
             : QosClass::kBurstable;
}

QosClass QosClassOf(const Pod& pod, const FeatureGates& gates) {
  return pod.status_qos ? *pod.status_qos : ComputeQosClass(pod, gates);
}

Result<OomScoreAdj> ContainerOomScoreAdj(const Pod& pod, const Container& container,
                                         Bytes memory_capacity, const FeatureGates& gates) {
  if (IsNodeCritical(pod)) return OomScoreAdj{kGuaranteedOomScoreAdj, "node-critical pod"};
  switch (QosClassOf(pod, gates)) {
    case QosClass::kGuaranteed:
      return OomScoreAdj{kGuaranteedOomScoreAdj, "Guaranteed"};
    case QosClass::kBestEffort:
      return OomScoreAdj{kBestEffortOomScoreAdj, "BestEffort"};
    case QosClass::kBurstable:
      break;
  }
  if (memory_capacity.value <= 0) {
    return Fail("the node's memory capacity is {}, so no oom_score_adj can be derived for {}",
                memory_capacity.value, FullName(pod));
  }
  return BurstableOomScoreAdj(pod, container, memory_capacity, gates);
}

}  // namespace nodeproof::kubelet
