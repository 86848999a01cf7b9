// Huge page sizes as Kubernetes resources and as the kernel's hugetlb files name them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "harness/base/units.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

// Page size in bytes -> limit in bytes.
using HugePageLimits = std::map<int64_t, int64_t>;

// The page size of "hugepages-2Mi", or nullopt if it is no such resource.
std::optional<int64_t> HugePageSize(std::string_view resource);

// The hugepages-* entries of a list by page size; one size spelled two ways ("2Mi", "2048Ki") is
// summed (pkg/kubelet/cm/helpers_linux.go HugePageLimits, v1.36).
HugePageLimits HugePageLimitsOf(const ResourceList& list);

// "hugetlb.2MB.max": the file that limits pages of this size.
std::string HugetlbMaxFile(int64_t page_size);

}  // namespace nodeproof::kubelet
