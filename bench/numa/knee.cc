#include "bench/numa/knee.h"

#include <algorithm>

namespace nodeproof::bench {

double KneeOf(std::span<const LoadedPoint> curve) {
  constexpr double kFactor = 1.5;
  double knee = 0;
  for (const LoadedPoint& point : curve) {
    if (point.latency <= kFactor * curve.front().latency) knee = std::max(knee, point.bandwidth);
  }
  return knee;
}

}  // namespace nodeproof::bench
