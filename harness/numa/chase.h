// A pointer chase: every load needs the one before it, so that the time per load is the latency of
// the memory that the chase goes through (the method of lmbench's lat_mem_rd, in an order that no
// prefetcher foresees).
#pragma once

#include <cstddef>
#include <cstdint>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::numa {

inline constexpr int64_t kCacheLine = 64;

class Chase {
 public:
  // Links all cache lines of `memory` into one random cycle, the same for the same seed, and writes
  // to each. The memory must outlive it. An error when `size` has no two lines, or more than 2^32.
  static Result<Chase> Link(std::byte* memory, Bytes size, uint64_t seed);

  // Follows `links` links from where the last walk ended.
  void Walk(int64_t links);
  int64_t lines() const { return lines_; }
  const void* at() const { return at_; }

 private:
  Chase(void* at, int64_t lines) : at_(at), lines_(lines) {}
  void* at_;
  int64_t lines_;
};

}  // namespace nodeproof::numa
