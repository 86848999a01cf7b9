#include "harness/measure/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace nodeproof::measure {

// Values below 2^5 have a bucket each; above, the top bit picks the octave and the next five bits
// the bucket in it.
size_t Histogram::BucketOf(uint64_t value) {
  if (value < (uint64_t{1} << kSubBits)) return value;
  const int octave = static_cast<int>(std::bit_width(value)) - 1 - kSubBits;
  const uint64_t sub = (value >> octave) - (uint64_t{1} << kSubBits);
  return ((static_cast<size_t>(octave) + 1) << kSubBits) + sub;
}

uint64_t Histogram::UpperEdge(size_t bucket) {
  const size_t octave_index = bucket >> kSubBits;
  const uint64_t sub = bucket & ((uint64_t{1} << kSubBits) - 1);
  if (octave_index == 0) return sub;
  const uint64_t first = ((uint64_t{1} << kSubBits) + sub) << (octave_index - 1);
  return first + (uint64_t{1} << (octave_index - 1)) - 1;
}

void Histogram::Add(Nanoseconds value) {
  const int64_t nanoseconds = std::max<int64_t>(value.count(), 0);
  buckets_[BucketOf(static_cast<uint64_t>(nanoseconds))].fetch_add(1, std::memory_order_relaxed);
  int64_t seen = max_.load(std::memory_order_relaxed);
  while (nanoseconds > seen &&
         !max_.compare_exchange_weak(seen, nanoseconds, std::memory_order_relaxed)) {
  }
}

uint64_t Histogram::count() const {
  uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

Nanoseconds Histogram::Percentile(double fraction) const {
  const uint64_t total = count();
  if (total == 0) return Nanoseconds(0);
  const auto rank = static_cast<uint64_t>(
      std::max(1.0, std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(total))));
  uint64_t below = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    below += buckets_[bucket].load(std::memory_order_relaxed);
    if (below >= rank) {
      return std::min(Nanoseconds(static_cast<int64_t>(UpperEdge(bucket))), Max());
    }
  }
  return Max();
}

void Histogram::Merge(const Histogram& other) {
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const uint64_t more = other.buckets_[bucket].load(std::memory_order_relaxed);
    if (more > 0) buckets_[bucket].fetch_add(more, std::memory_order_relaxed);
  }
  const int64_t theirs = other.Max().count();
  if (theirs > Max().count()) max_.store(theirs, std::memory_order_relaxed);
}

void Histogram::Reset() {
  for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
}

}  // namespace nodeproof::measure
