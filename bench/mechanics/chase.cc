#include "bench/mechanics/chase.h"

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "bench/core/bench.h"

namespace nodeproof::bench {

Result<Chase> Chase::Make(Bytes working_set, Pages pages, uint64_t seed, std::optional<int> node) {
  const int64_t page = SizeOf(pages).value;
  const Bytes rounded{(working_set.value + page - 1) / page * page};
  Region region = TRY(Region::Map(rounded, pages, node));
  region.Touch(SizeOf(pages));
  // Where memory is fragmented the kernel gives small pages without a word.
  if (pages == Pages::kThp && TRY(HugeBytesNow()) < region.size()) {
    return Unsupported("the kernel gave no huge pages for MADV_HUGEPAGE");
  }
  const int64_t lines = working_set.value / kCacheLine;
  if (lines < 2) return Fail("a working set of {} has no two cache lines", working_set.value);
  // Sattolo's shuffle gives a single cycle: successor[i] is the line after line i.
  std::vector<uint32_t> successor(static_cast<size_t>(lines));
  std::iota(successor.begin(), successor.end(), 0);
  std::mt19937_64 random(seed);
  for (size_t i = successor.size() - 1; i > 0; --i) {
    std::swap(successor[i], successor[std::uniform_int_distribution<size_t>(0, i - 1)(random)]);
  }
  for (size_t i = 0; i < successor.size(); ++i) {
    void* next = region.data() + int64_t{successor[i]} * kCacheLine;
    std::memcpy(region.data() + static_cast<int64_t>(i) * kCacheLine, &next, sizeof next);
  }
  return Chase(std::move(region), lines);
}

void Chase::Walk(int64_t links) {
  void* at = at_;
  for (int64_t i = 0; i < links; ++i) at = *static_cast<void* volatile*>(at);
  at_ = at;
}

}  // namespace nodeproof::bench
