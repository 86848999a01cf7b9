// What claims about huge pages share: pods that ask for them, and their limits.
#pragma once

#include "conformance/arm_context.h"
#include "conformance/hugetlb/pool.h"

namespace nodeproof::conformance {

inline const std::vector<std::string> kHugetlbControllers = {"cpu", "cpuset", "memory", "pids",
                                                             "hugetlb"};
inline constexpr const char* kWhyWholeNode = "the pool of huge pages is the node's";

// What every claim here needs.
Needs HugetlbNeeds();

// A size of huge page, as the kernel and Kubernetes name it.
struct HugePageSize {
  Bytes page;
  std::string_view kernel;      // "2MB", of hugetlb.2MB.max
  std::string_view kubernetes;  // the resource
};
inline constexpr HugePageSize kTwoMega = {kHugePage, "2MB", "hugepages-2Mi"};
inline constexpr HugePageSize kOneGiga = {GiB(1), "1GB", "hugepages-1Gi"};

// A node with room for all pods, and so many huge pages.
kubelet::NodeSpec NodeWithHugePages(int64_t pages, const HugePageSize& size = kTwoMega);

// A pod that asks for so many huge pages, which is a request and a limit alike.
kubelet::Pod HugePagePod(std::string_view name, int64_t pages, const HugePageSize& size = kTwoMega);

// "hugetlb.2MB.max" for "max".
std::string HugetlbFile(std::string_view knob, const HugePageSize& size = kTwoMega);

// Writes a limit of so many pages.
Status LimitPages(const cgroup::Cgroup& group, const std::string& file, int64_t pages,
                  const HugePageSize& size = kTwoMega);

}  // namespace nodeproof::conformance
