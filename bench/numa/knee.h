// The knee of a loaded-latency curve.
#pragma once

#include <span>

namespace nodeproof::bench {

struct LoadedPoint {
  double bandwidth = 0;  // bytes a second
  double latency = 0;    // nanoseconds
};

// The highest bandwidth whose latency is at most 1.5 times that of the first point, the idle one;
// 0 when no load was that light. The factor is a convention: at the knee a load waits half as long
// again as on an idle memory.
double KneeOf(std::span<const LoadedPoint> curve);

}  // namespace nodeproof::bench
