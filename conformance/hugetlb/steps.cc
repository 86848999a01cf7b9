#include "conformance/hugetlb/steps.h"

#include "conformance/pods.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::conformance {

kubelet::NodeSpec NodeWithHugePages(int64_t pages) {
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.hugepages = {{kHugePage.value, pages}};
  return node;
}

kubelet::Pod HugePagePod(std::string_view name, int64_t pages) {
  kubelet::Pod pod = MakePod(name, {{.memory_request = "64Mi", .memory_limit = "64Mi"}});
  const auto asked = kubelet::Quantity::FromBytes(pages * kHugePage.value);
  kubelet::Container& container = pod.containers.front();
  container.requests().emplace("hugepages-2Mi", asked);
  container.limits().emplace("hugepages-2Mi", asked);
  return pod;
}

Result<std::vector<HugetlbLevel>> LevelsOf(const capsule::Tree& tree, const kubelet::Plan& plan,
                                           std::string_view pod) {
  const std::string path = TRY(PathOfPod(plan, pod));
  return std::vector<HugetlbLevel>{{"the container", TRY(tree.Container(pod, "main"))},
                                   {"the pod", TRY(tree.Pod(pod))},
                                   {"its QoS slice", TRY(tree.At(path.substr(0, path.rfind('/'))))},
                                   {"kubepods", TRY(tree.NodeSlice())}};
}

std::string HugetlbFile(std::string_view knob) { return fmt::format("hugetlb.2MB.{}", knob); }

Status LimitPages(const cgroup::Cgroup& group, const std::string& file, int64_t pages) {
  return group.Write(file, fmt::format("{}", pages * kHugePage.value));
}

}  // namespace nodeproof::conformance
