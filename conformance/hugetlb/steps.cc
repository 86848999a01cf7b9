#include "conformance/hugetlb/steps.h"

#include "conformance/pods.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::conformance {

Needs HugetlbNeeds() {
  return {.controllers = kHugetlbControllers,
          .memory = MiB(256),
          .whole_node = true,
          .why_whole_node = kWhyWholeNode};
}

kubelet::NodeSpec NodeWithHugePages(int64_t pages, const HugePageSize& size) {
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.hugepages = {{size.page.value, pages}};
  return node;
}

kubelet::Pod HugePagePod(std::string_view name, int64_t pages, const HugePageSize& size) {
  kubelet::Pod pod = MakePod(name, {{.memory_request = "64Mi", .memory_limit = "64Mi"}});
  const auto asked = kubelet::Quantity::FromBytes(pages * size.page.value);
  kubelet::Container& container = pod.containers.front();
  container.requests().emplace(std::string(size.kubernetes), asked);
  container.limits().emplace(std::string(size.kubernetes), asked);
  return pod;
}

std::string HugetlbFile(std::string_view knob, const HugePageSize& size) {
  return fmt::format("hugetlb.{}.{}", size.kernel, knob);
}

Status LimitPages(const cgroup::Cgroup& group, const std::string& file, int64_t pages,
                  const HugePageSize& size) {
  return group.Write(file, fmt::format("{}", pages * size.page.value));
}

}  // namespace nodeproof::conformance
