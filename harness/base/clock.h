// Time as a parameter: code under test takes a Clock, tests hand it a FakeClock.
#pragma once

#include <string>

#include "harness/base/units.h"

namespace nodeproof {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic time since an arbitrary start.
  virtual Nanoseconds Now() const = 0;
  // Returns at or after `deadline` on this clock.
  virtual void WaitUntil(Nanoseconds deadline) const = 0;
};

// CLOCK_MONOTONIC of this machine.
const Clock& MonotonicClock();

class FakeClock : public Clock {
 public:
  Nanoseconds Now() const override { return now_; }
  void WaitUntil(Nanoseconds deadline) const override {
    if (deadline > now_) now_ = deadline;
  }
  void Advance(Nanoseconds by) { now_ += by; }

 private:
  mutable Nanoseconds now_{0};
};

// The wall clock as RFC 3339 in UTC, to the second: "2026-11-21T19:40:00Z".
std::string WallClockRfc3339();

}  // namespace nodeproof
