#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

Quantity Amount(const ResourceList& list, std::string_view name) {
  const auto found = list.find(name);
  return found == list.end() ? Quantity() : found->second;
}

std::optional<Quantity> Find(const ResourceList& list, std::string_view name) {
  const auto found = list.find(name);
  return found == list.end() ? std::nullopt : std::optional(found->second);
}

void Add(ResourceList& target, const ResourceList& amount) {
  for (const auto& [name, quantity] : amount) target[name] += quantity;
}

std::string_view ToString(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed:
      return "Guaranteed";
    case QosClass::kBurstable:
      return "Burstable";
    case QosClass::kBestEffort:
      return "BestEffort";
  }
  return "";
}

std::string FullName(const Pod& pod) { return pod.pod_namespace + "/" + pod.name; }

bool IsStatic(const Pod& pod) {
  const auto source = pod.annotations.find(kConfigSourceAnnotation);
  return source != pod.annotations.end() && source->second != "api";
}

bool IsMirror(const Pod& pod) { return pod.annotations.contains(kConfigMirrorAnnotation); }

bool IsCritical(const Pod& pod) {
  return IsStatic(pod) || IsMirror(pod) ||
         (pod.priority && *pod.priority >= kSystemCriticalPriority);
}

bool IsNodeCritical(const Pod& pod) {
  return IsCritical(pod) && pod.priority_class == kSystemNodeCritical;
}

bool IsTerminated(const Pod& pod) { return pod.phase == "Succeeded" || pod.phase == "Failed"; }

}  // namespace nodeproof::kubelet
