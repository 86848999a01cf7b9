// How far an order of evictions is from the one that was expected.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace nodeproof::conformance {

// Pairs of pods that were evicted in another order than Before() has them. Who was not evicted
// counts as the last. A Sample has a `name` and says which of two goes first: a.Before(b).
template <typename Sample>
int64_t Inversions(const std::vector<Sample>& samples, const std::vector<std::string>& evicted) {
  const auto place = [&](const Sample& sample) {
    return std::ranges::find(evicted, sample.name) - evicted.begin();
  };
  int64_t inversions = 0;
  for (const Sample& first : samples) {
    for (const Sample& second : samples) {
      inversions += first.Before(second) && place(first) > place(second);
    }
  }
  return inversions;
}

}  // namespace nodeproof::conformance
