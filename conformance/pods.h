// The pods that claims put on a node, in few words, and edits to the plans made of them.
#pragma once

#include <string>
#include <string_view>

#include "harness/base/units.h"
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

}  // namespace nodeproof::conformance
