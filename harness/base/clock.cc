#include "harness/base/clock.h"

#include <fmt/chrono.h>

#include <cerrno>
#include <ctime>

namespace nodeproof {
namespace {

class SystemMonotonicClock : public Clock {
 public:
  Nanoseconds Now() const override {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + Nanoseconds(now.tv_nsec);
  }

  void WaitUntil(Nanoseconds deadline) const override {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(deadline);
    const timespec until{seconds.count(), (deadline - seconds).count()};
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
  }
};

}  // namespace

const Clock& MonotonicClock() {
  static const SystemMonotonicClock clock;
  return clock;
}

std::string WallClockRfc3339() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace nodeproof
