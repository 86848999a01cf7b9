// A pointer chase: every load needs the one before it, so that the time per load is the latency of
// the level of the memory hierarchy that the working set fits in (the method of lmbench's
// lat_mem_rd, in an order that no prefetcher foresees).
#pragma once

#include <cstdint>

#include "bench/mechanics/region.h"

namespace nodeproof::bench {

class Chase {
 public:
  // One random cycle over all cache lines of `working_set`; the same for the same seed.
  // `unsupported` where the kernel gives no pages of that kind.
  static Result<Chase> Make(Bytes working_set, Pages pages, uint64_t seed,
                            std::optional<int> node = std::nullopt);

  // Follows `links` links from where the last walk ended.
  void Walk(int64_t links);
  int64_t lines() const { return lines_; }
  const void* at() const { return at_; }

 private:
  Chase(Region region, int64_t lines)
      : region_(std::move(region)), lines_(lines), at_(region_.data()) {}
  Region region_;
  int64_t lines_;
  void* at_;
};

inline constexpr int64_t kCacheLine = 64;

}  // namespace nodeproof::bench
