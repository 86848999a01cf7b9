// Where in its period a quota is refilled, learned from those who wait for it.
#pragma once

#include <algorithm>
#include <array>

#include "harness/base/clock.h"

namespace nodeproof::probe {

// Refills are whole periods apart (hrtimer_forward() keeps the phase of a bandwidth timer), and who
// was throttled goes on right after one, unless the CPU stood still: most go on at the same place
// of the period, whatever a few do.
class RefillPhase {
 public:
  // A period of 0: nothing is known, and everybody is in time.
  explicit RefillPhase(Nanoseconds period) : period_(period) {}

  // Somebody went on at `begun`, on the monotonic clock.
  void Add(Nanoseconds begun) {
    if (period_.count() == 0) return;
    ++places_[PlaceOf(begun)];
    ++seen_;
  }

  // Whether who went on at `begun` did so within a fifth of a period of a refill. False until
  // enough have been seen.
  bool InTime(Nanoseconds begun) const {
    if (period_.count() == 0) return true;
    if (seen_ < kEnough) return false;
    const auto usual =
        static_cast<size_t>(std::max_element(places_.begin(), places_.end()) - places_.begin());
    // The place before is in time too: those who are may lie on both sides of an edge.
    return (PlaceOf(begun) + kPlaces + 1 - usual) % kPlaces <= kPlaces / 5;
  }

 private:
  static constexpr size_t kPlaces = 20;  // that a period is cut into
  static constexpr int kEnough = 8;

  size_t PlaceOf(Nanoseconds begun) const {
    return static_cast<size_t>(begun % period_ * static_cast<int64_t>(kPlaces) / period_);
  }

  Nanoseconds period_;
  std::array<int, kPlaces> places_{};
  int seen_ = 0;
};

}  // namespace nodeproof::probe
