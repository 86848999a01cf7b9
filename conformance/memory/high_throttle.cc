#include "conformance/memory/high_throttle.h"

#include <algorithm>
#include <cmath>

namespace nodeproof::conformance {

Bytes ThrottledUsage(Bytes high, Bytes page, Seconds elapsed) {
  constexpr double kTicks = 100;  // a second
  const Bytes batch = page * 64;
  Bytes usage = high;
  for (double slept = 0; slept <= elapsed.count();) {
    usage = usage + batch;
    const double overage =
        static_cast<double>(usage.value - high.value) / static_cast<double>(high.value);
    const double ticks = std::min(std::floor(64 * overage * overage * kTicks), 2 * kTicks);
    if (ticks > kTicks / 100) slept += ticks / kTicks;
  }
  return usage;
}

}  // namespace nodeproof::conformance
