// Time that passed for a process without being charged to it: it wanted the CPU and did not have
// it. A CPU that stands still under a running process (a hypervisor took it away) is charged, and
// so is no such time.
#pragma once

#include <time.h>

#include <algorithm>

#include "harness/base/clock.h"

namespace nodeproof::probe {

// The CPU time of the calling process.
inline Nanoseconds ChargedTime() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + Nanoseconds(used.tv_nsec);
}

class Uncharged {
 public:
  struct Lap {
    Nanoseconds ended{0};  // on the monotonic clock
    Nanoseconds charged{0};
    Nanoseconds gap{0};  // uncharged; never negative
  };
  // Since the last call. Short laps tell gaps apart; a call costs about a microsecond.
  Lap Next() {
    const Nanoseconds now = MonotonicClock().Now();
    const Nanoseconds charged = ChargedTime();
    Lap lap{now, charged - charged_, Nanoseconds(0)};
    lap.gap = std::max(Nanoseconds(0), now - time_ - lap.charged);
    time_ = now;
    charged_ = charged;
    return lap;
  }

 private:
  Nanoseconds time_ = MonotonicClock().Now();
  Nanoseconds charged_ = ChargedTime();
};

}  // namespace nodeproof::probe
