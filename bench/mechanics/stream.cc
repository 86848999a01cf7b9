#include "bench/mechanics/stream.h"

#include <cstring>

namespace nodeproof::bench {
namespace {

// Four sums, so that the adding is no chain that the loads wait for.
uint64_t ReadAll(const std::byte* data, int64_t size) {
  uint64_t sums[4] = {};
  for (int64_t at = 0; at < size; at += 32) {
    uint64_t words[4];
    std::memcpy(words, data + at, sizeof words);
    for (int i = 0; i < 4; ++i) sums[i] += words[i];
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace

int64_t StreamOnce(const Region& region, Stream kind) {
  const int64_t size = region.size().value;
  const auto half = static_cast<size_t>(size / 2);
  switch (kind) {
    case Stream::kRead: {
      uint64_t sum = ReadAll(region.data(), size);
      asm volatile("" : "+r"(sum));
      return size;
    }
    case Stream::kWrite:
      std::memset(region.data(), 1, static_cast<size_t>(size));
      asm volatile("" ::: "memory");
      return size;
    case Stream::kCopy:
      std::memcpy(region.data() + half, region.data(), half);
      asm volatile("" ::: "memory");
      return size;
  }
  return 0;
}

}  // namespace nodeproof::bench
