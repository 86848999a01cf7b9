#include "harness/kubelet/plan/admit_fit.h"

#include "harness/kubelet/api/aggregate.h"

namespace nodeproof::kubelet {
namespace {

FitRefusal OutOf(std::string_view resource, int64_t requested, int64_t used, int64_t capacity) {
  return {fmt::format("OutOf{}", resource),
          fmt::format("Node didn't have enough resource: {}, requested: {}, used: {}, capacity: {}",
                      resource, requested, used, capacity)};
}

// The unit the scheduler counts a resource in: cpu in thousandths.
int64_t Units(std::string_view resource, const Quantity& quantity) {
  return resource == kCpu ? quantity.MilliValue() : quantity.Value();
}

}  // namespace

std::optional<FitRefusal> FitAdmission::Admit(const Pod& pod) {
  if (pods_ + 1 > max_pods_) return OutOf("pods", 1, pods_, max_pods_);
  for (const auto& [resource, requested] : PodRequests(pod, gates_)) {
    const std::optional<Quantity> there = Find(allocatable_, resource);
    if (!there || requested.IsZero()) continue;
    const Quantity used = Amount(used_, resource);
    if (requested + used > *there) {
      return OutOf(resource, Units(resource, requested), Units(resource, used),
                   Units(resource, *there));
    }
  }
  Count(pod);
  return std::nullopt;
}

void FitAdmission::Count(const Pod& pod) {
  Add(used_, PodRequests(pod, gates_));
  ++pods_;
}

}  // namespace nodeproof::kubelet
