// The pods that claims put on a node, in few words, edits to the plans made of them, and the groups
// that stand for them in a tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/units.h"
#include "harness/capsule/tree.h"
#include "harness/kubelet/plan/plan.h"

namespace nodeproof::conformance {

// A container with what it asks for; empty texts ask for nothing. Kubernetes quantities.
struct ContainerAsks {
  std::string_view name = "main";
  std::string_view cpu_request = "";
  std::string_view cpu_limit = "";
  std::string_view memory_request = "";
  std::string_view memory_limit = "";
};

// A pod whose uid is its name. The quantities are a claim's own constants: one that does not parse
// aborts.
kubelet::Pod MakePod(std::string_view name, const std::vector<ContainerAsks>& containers);

// Sets a knob of the planned group at `path`, or adds it; `why` becomes its derivation.
Status Override(kubelet::Plan& plan, std::string_view path, std::string_view file,
                std::string_view value, std::string_view why);
// The path of a pod's or container's group in a plan.
Result<std::string> PathOfPod(const kubelet::Plan& plan, std::string_view pod);
Result<std::string> PathOfContainer(const kubelet::Plan& plan, std::string_view pod,
                                    std::string_view container = "main");

struct PodLevel {
  std::string name;  // "the pod"
  const cgroup::Cgroup* group = nullptr;
};
// The groups of a pod from its container `main` up to kubepods: "the container", "the pod", the
// slice of its QoS class, which is called `qos_slice`, and "kubepods". Not of a Guaranteed pod,
// which has no such slice.
Result<std::vector<PodLevel>> LevelsOf(const capsule::Tree& tree, std::string_view pod,
                                       std::string_view qos_slice = "its QoS slice");

}  // namespace nodeproof::conformance
