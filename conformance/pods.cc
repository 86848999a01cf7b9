#include "conformance/pods.h"

#include <cstdlib>
#include <functional>

namespace nodeproof::conformance {
namespace {

using kubelet::CgroupRole;
using kubelet::PlannedCgroup;

void Ask(kubelet::ResourceList& list, std::string_view resource, std::string_view amount) {
  if (amount.empty()) return;
  const auto quantity = kubelet::Quantity::Parse(amount);
  if (!quantity) {
    fmt::print(stderr, "claim asks for '{}': {}\n", amount, quantity.error().message);
    std::abort();
  }
  list.emplace(resource, *quantity);
}

// `Group` is PlannedCgroup, const or not.
template <typename Group>
Group* FindIf(Group& group, const std::function<bool(const PlannedCgroup&)>& wanted) {
  if (wanted(group)) return &group;
  for (Group& child : group.children) {
    if (Group* found = FindIf(child, wanted)) return found;
  }
  return nullptr;
}

}  // namespace

kubelet::Pod MakePod(std::string_view name, const std::vector<ContainerAsks>& containers) {
  kubelet::Pod pod;
  pod.name = name;
  pod.uid = name;
  for (const ContainerAsks& asks : containers) {
    kubelet::Container container;
    container.name = asks.name;
    Ask(container.requests(), kubelet::kCpu, asks.cpu_request);
    Ask(container.limits(), kubelet::kCpu, asks.cpu_limit);
    Ask(container.requests(), kubelet::kMemory, asks.memory_request);
    Ask(container.limits(), kubelet::kMemory, asks.memory_limit);
    pod.containers.push_back(std::move(container));
  }
  return pod;
}

Status Override(kubelet::Plan& plan, std::string_view path, std::string_view file,
                std::string_view value, std::string_view why) {
  PlannedCgroup* group =
      FindIf(plan.root, [&](const PlannedCgroup& candidate) { return candidate.path == path; });
  if (group == nullptr) return Fail("the plan has no {}", path);
  kubelet::PlannedKnob changed{std::string(file), std::string(value), std::string(why)};
  for (kubelet::PlannedKnob& knob : group->knobs) {
    if (knob.file != file) continue;
    knob = std::move(changed);
    return {};
  }
  group->knobs.push_back(std::move(changed));
  return {};
}

Result<std::string> PathOfPod(const kubelet::Plan& plan, std::string_view pod) {
  for (const kubelet::PlannedPod& planned : plan.pods) {
    if (planned.uid == pod) return planned.path;
  }
  return Fail("the plan has no pod {}", pod);
}

Result<std::string> PathOfContainer(const kubelet::Plan& plan, std::string_view pod,
                                    std::string_view container) {
  const PlannedCgroup* group = FindIf(plan.root, [&](const PlannedCgroup& candidate) {
    return candidate.role == CgroupRole::kContainer && candidate.pod_uid == pod &&
           candidate.container && candidate.container->name == container;
  });
  if (group == nullptr) return Fail("the plan has no container {}/{}", pod, container);
  return group->path;
}

Result<std::vector<PodLevel>> LevelsOf(const capsule::Tree& tree, std::string_view pod,
                                       std::string_view qos_slice) {
  return std::vector<PodLevel>{{"the container", TRY(tree.Container(pod, "main"))},
                               {"the pod", TRY(tree.Pod(pod))},
                               {std::string(qos_slice), TRY(tree.QosSlice(pod))},
                               {"kubepods", TRY(tree.NodeSlice())}};
}

}  // namespace nodeproof::conformance
