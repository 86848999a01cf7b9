// A latency histogram with logarithmic buckets (32 a power of two, so a value is known to 3.2 %),
// of fixed size, so that it can live in shared memory and be filled by one process and read by
// another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "harness/base/units.h"

namespace nodeproof::measure {

class Histogram {
 public:
  void Add(Nanoseconds value);
  uint64_t count() const;
  // The exact largest value added.
  Nanoseconds Max() const { return Nanoseconds(max_.load(std::memory_order_relaxed)); }
  // The value below which `fraction` (0 … 1) of all lie: the upper edge of its bucket, at most
  // Max(). 0 when empty.
  Nanoseconds Percentile(double fraction) const;
  // Adds all that `other` holds.
  void Merge(const Histogram& other);
  void Reset();

 private:
  static constexpr int kSubBits = 5;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;
  static size_t BucketOf(uint64_t value);
  static uint64_t UpperEdge(size_t bucket);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<int64_t> max_{0};
};

}  // namespace nodeproof::measure
