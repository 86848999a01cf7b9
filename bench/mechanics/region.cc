#include "bench/mechanics/region.h"

#include <numa.h>
#include <numaif.h>
#include <sys/mman.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "bench/core/bench.h"
#include "harness/base/file.h"

namespace nodeproof::bench {
namespace {

Status CheckThp() {
  constexpr const char* kFile = "/sys/kernel/mm/transparent_hugepage/enabled";
  const auto mode = ReadFile(kFile);
  if (!mode) return Unsupported("no transparent huge pages: {}", mode.error().message);
  if (mode->find("[never]") != std::string::npos) return Unsupported("{} is never", kFile);
  return {};
}

Status BindTo(void* map, size_t size, int node) {
  if (::numa_available() < 0) return Unsupported("the kernel has no NUMA policy (mbind)");
  const std::unique_ptr<bitmask, void (*)(bitmask*)> nodes(::numa_allocate_nodemask(),
                                                           ::numa_free_nodemask);
  ::numa_bitmask_setbit(nodes.get(), static_cast<unsigned>(node));
  if (::mbind(map, size, MPOL_BIND, nodes->maskp, nodes->size, 0) != 0) {
    return FailErrno(errno, fmt::format("bind memory to NUMA node {}", node));
  }
  return {};
}

}  // namespace

Bytes SizeOf(Pages pages) { return pages == Pages::k4K ? KiB(4) : MiB(2); }

Result<Region> Region::Map(Bytes size, Pages pages, std::optional<int> node) {
  if (pages == Pages::kThp) TRY(CheckThp());
  const auto page = static_cast<size_t>(SizeOf(pages).value);
  const auto wanted = static_cast<size_t>(size.value);
  const bool hugetlb = pages == Pages::kHugetlb;
  // Room to begin at a multiple of the page's size, which hugetlb mappings do anyway.
  const size_t mapped = hugetlb ? wanted : wanted + page;
  void* map = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | (hugetlb ? MAP_HUGETLB : 0), -1, 0);
  if (map == MAP_FAILED) {
    if (hugetlb && errno == ENOMEM) {
      return Unsupported("fewer than {} huge pages are free (/proc/sys/vm/nr_hugepages)",
                         wanted / page);
    }
    return FailErrno(errno, fmt::format("map {}", FormatBytes(size)));
  }
  const auto start = (reinterpret_cast<uintptr_t>(map) + page - 1) / page * page;
  Region region(hugetlb ? static_cast<std::byte*>(map) : reinterpret_cast<std::byte*>(start), size,
                map, mapped);
  if (!hugetlb) {
    const int advice = pages == Pages::kThp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
    // A kernel without transparent huge pages has no other pages than small ones.
    if (::madvise(map, mapped, advice) != 0 && pages == Pages::kThp) {
      return Unsupported("madvise(MADV_HUGEPAGE) is refused");
    }
  }
  if (node) TRY(BindTo(map, mapped, *node));
  return region;
}

Region::Region(Region&& other) noexcept
    : data_(other.data_),
      size_(other.size_),
      map_(std::exchange(other.map_, nullptr)),
      mapped_(other.mapped_) {}

Region::~Region() {
  if (map_ != nullptr) ::munmap(map_, mapped_);
}

void Region::Touch(Bytes stride) const {
  for (int64_t at = 0; at < size_.value; at += stride.value) {
    *reinterpret_cast<volatile std::byte*>(data_ + at) = std::byte{1};
  }
}

Status Region::Drop() const {
  if (::madvise(data_, static_cast<size_t>(size_.value), MADV_DONTNEED) != 0) {
    return FailErrno(errno, "give pages back (MADV_DONTNEED)");
  }
  return {};
}

Result<Bytes> HugeBytesNow() {
  const std::string text = TRY(ReadFile("/proc/self/smaps_rollup"));
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.starts_with("AnonHugePages:")) continue;
    return Bytes{TRY(ParseInt(Words(line)[1])) << 10};
  }
  return Bytes{0};
}

}  // namespace nodeproof::bench
