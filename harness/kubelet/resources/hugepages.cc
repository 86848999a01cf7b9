#include "harness/kubelet/resources/hugepages.h"

#include <fmt/format.h>

namespace nodeproof::kubelet {

std::optional<int64_t> HugePageSize(std::string_view resource) {
  if (!resource.starts_with(kHugepagesPrefix)) return std::nullopt;
  const Result<Quantity> size = Quantity::Parse(resource.substr(kHugepagesPrefix.size()));
  if (!size || !size->IsPositive()) return std::nullopt;
  return size->Value();
}

HugePageLimits HugePageLimitsOf(const ResourceList& list) {
  HugePageLimits limits;
  for (const auto& [name, quantity] : list) {
    if (const std::optional<int64_t> size = HugePageSize(name)) {
      int64_t& sum = limits[*size];
      if (__builtin_add_overflow(sum, quantity.Value(), &sum)) sum = INT64_MAX;
    }
  }
  return limits;
}

std::string HugetlbMaxFile(int64_t page_size) {
  // The kernel's own names (mm/hugetlb_cgroup.c mem_fmt): whole GB, MB or KB, of 1024.
  if (page_size >= int64_t{1} << 30) return fmt::format("hugetlb.{}GB.max", page_size >> 30);
  if (page_size >= int64_t{1} << 20) return fmt::format("hugetlb.{}MB.max", page_size >> 20);
  return fmt::format("hugetlb.{}KB.max", page_size >> 10);
}

}  // namespace nodeproof::kubelet
