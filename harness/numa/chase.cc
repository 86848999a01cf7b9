#include "harness/numa/chase.h"

#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace nodeproof::numa {

Result<Chase> Chase::Link(std::byte* memory, Bytes size, uint64_t seed) {
  const int64_t lines = size.value / kCacheLine;
  if (lines < 2) return Fail("a working set of {} has no two cache lines", size.value);
  if (lines > std::numeric_limits<uint32_t>::max()) {
    return Fail("a working set of {} has more than 2^32 cache lines", FormatBytes(size));
  }
  // Sattolo's shuffle gives a single cycle: successor[i] is the line after line i.
  std::vector<uint32_t> successor(static_cast<size_t>(lines));
  std::iota(successor.begin(), successor.end(), 0);
  std::mt19937_64 random(seed);
  for (size_t i = successor.size() - 1; i > 0; --i) {
    std::swap(successor[i], successor[std::uniform_int_distribution<size_t>(0, i - 1)(random)]);
  }
  for (size_t i = 0; i < successor.size(); ++i) {
    void* next = memory + int64_t{successor[i]} * kCacheLine;
    std::memcpy(memory + static_cast<int64_t>(i) * kCacheLine, &next, sizeof next);
  }
  return Chase(memory, lines);
}

void Chase::Walk(int64_t links) {
  void* at = at_;
  for (int64_t i = 0; i < links; ++i) at = *static_cast<void* volatile*>(at);
  at_ = at;
}

}  // namespace nodeproof::numa
