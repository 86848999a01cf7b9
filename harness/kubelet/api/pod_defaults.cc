// The API server's defaults for and checks of a pod's resources.
#include <algorithm>
#include <optional>
#include <set>

#include "harness/kubelet/api/aggregate.h"
#include "harness/kubelet/api/parse_pods.h"

namespace nodeproof::kubelet {
namespace {

void DefaultRequestsToLimits(Container& container) {
  for (const auto& [name, limit] : container.limits()) container.requests().emplace(name, limit);
}

std::unexpected<Error> RefusePod(const Pod& pod, std::string_view who, std::string what) {
  return std::unexpected(Error{
      fmt::format("pod {}{}{}: {}", FullName(pod), who.empty() ? "" : ", container ", who, what),
      "the API server refuses such a pod", 0});
}

// cpu, memory and storage may be fractions; pages and devices may not.
bool IsCountable(std::string_view resource) {
  return resource != kCpu && resource != kMemory && resource != kEphemeralStorage &&
         resource != "storage";
}

Status CheckHugepages(const Pod& pod, std::string_view who, const ResourceRequirements& resources,
                      std::string_view name, const Quantity& amount) {
  const Result<Quantity> page = Quantity::Parse(name.substr(kHugepagesPrefix.size()));
  if (!page || !page->IsPositive())
    return RefusePod(pod, who, fmt::format("{} names no page size", name));
  if (amount.Value() % page->Value() != 0) {
    return RefusePod(pod, who,
                     fmt::format("{} {} is not a whole number of pages", name, amount.ToString()));
  }
  if (Find(resources.limits, name) != amount) {
    return RefusePod(pod, who, fmt::format("{}: request and limit must be equal", name));
  }
  return {};
}

Status CheckResources(const Pod& pod, std::string_view who, const ResourceRequirements& resources) {
  for (const auto& [name, request] : resources.requests) {
    const std::optional<Quantity> limit = Find(resources.limits, name);
    if (limit && request > *limit) {
      return RefusePod(pod, who,
                       fmt::format("{} request {} is more than its limit {}", name,
                                   request.ToString(), limit->ToString()));
    }
    if (name.starts_with(kHugepagesPrefix)) {
      if (Status pages = CheckHugepages(pod, who, resources, name, request); !pages) return pages;
    }
  }
  for (const ResourceList* list : {&resources.requests, &resources.limits}) {
    for (const auto& [name, quantity] : *list) {
      if (IsCountable(name) && !quantity.IsWhole()) {
        return RefusePod(pod, who,
                         fmt::format("{} {} must be a whole number", name, quantity.ToString()));
      }
    }
  }
  const bool pages = std::ranges::any_of(resources.limits, [](const auto& entry) {
    return entry.first.starts_with(kHugepagesPrefix);
  });
  if (pages && !Find(resources.limits, kCpu) && !Find(resources.limits, kMemory) &&
      !Find(resources.requests, kCpu) && !Find(resources.requests, kMemory)) {
    return RefusePod(pod, who, "hugepages need a cpu or memory request beside them");
  }
  return {};
}

}  // namespace

void ApplyApiDefaults(Pod& pod) {
  std::ranges::for_each(pod.containers, DefaultRequestsToLimits);
  std::ranges::for_each(pod.init_containers, DefaultRequestsToLimits);
  if (!pod.resources || (pod.resources->limits.empty() && pod.resources->requests.empty())) return;
  for (const auto& [name, quantity] : AggregateLimits(pod)) {
    if (name.starts_with(kHugepagesPrefix)) pod.resources->limits.emplace(name, quantity);
  }
  if (pod.resources->limits.empty()) return;
  ResourceList& requests = pod.resources->requests;
  for (const auto& [name, quantity] : AggregateRequests(pod)) {
    if (IsPodLevelResource(name)) requests.emplace(name, quantity);
  }
  for (const auto& [name, limit] : pod.resources->limits) {
    if (IsPodLevelResource(name)) requests.emplace(name, limit);
  }
}

Status ValidatePodResources(const Pod& pod) {
  std::set<std::string_view> names;
  for (const auto* list : {&pod.init_containers, &pod.containers}) {
    for (const Container& container : *list) {
      if (!names.insert(container.name).second) {
        return RefusePod(pod, container.name, "the name is used twice");
      }
      TRY(CheckResources(pod, container.name, container.resources));
    }
  }
  if (pod.resources) return CheckResources(pod, "", *pod.resources);
  return {};
}

}  // namespace nodeproof::kubelet
