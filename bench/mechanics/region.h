// Anonymous memory of one kind of page, unmapped when the object goes.
#pragma once

#include <cstddef>
#include <optional>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::bench {

enum class Pages { k4K, kThp, kHugetlb };

// Bytes of one such page; THP and hugetlb of x86-64 and of arm64 with 4K pages.
Bytes SizeOf(Pages pages);

class Region {
 public:
  // Maps `size` (a multiple of the page's), touching none of it. THP is asked for with madvise(2)
  // and `unsupported` where the node never gives it; hugetlb where fewer pages are free than
  // needed. With `node` its pages may come from that NUMA node only.
  static Result<Region> Map(Bytes size, Pages pages, std::optional<int> node = std::nullopt);
  Region(Region&& other) noexcept;
  Region& operator=(Region&&) = delete;
  ~Region();

  std::byte* data() const { return data_; }
  Bytes size() const { return size_; }
  // Writes one byte of every `stride` bytes.
  void Touch(Bytes stride) const;
  // Gives all pages back to the kernel; the next touch faults again.
  Status Drop() const;

 private:
  Region(std::byte* data, Bytes size, void* map, size_t mapped)
      : data_(data), size_(size), map_(map), mapped_(mapped) {}
  std::byte* data_;  // aligned to the page's size
  Bytes size_;
  void* map_;
  size_t mapped_;
};

// How much of this process is in transparent huge pages (/proc/self/smaps_rollup).
Result<Bytes> HugeBytesNow();

}  // namespace nodeproof::bench
