// Rates of streams that limits hold down, read side by side until each is decided.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "conformance/io/rate_span.h"

namespace nodeproof::conformance {

struct MeteredRate {
  std::string name;
  RateModel model;
  std::function<Result<double>()> done;  // so far
};

struct MeteredRates {
  std::vector<results::Check> checks;  // rate as a share of the limit, in order
  std::vector<std::string> notes;
};

// How a slice of the kernel's limit is worth (block/blk-throttle.c, DFL_THROTL_SLICE_HD).
inline constexpr Seconds kThrottleSlice{0.1};

// Reads all every 25 ms, from three slices on (a stream that begins gets its first slice's budget
// at once), until each rate is found inside or outside of `tolerance` around 1, or 12 s have
// passed. `check` is asked now and then whether the streams still run.
Result<MeteredRates> MeterRates(ArmContext& context, const std::vector<MeteredRate>& rates,
                                double tolerance, const std::function<Status()>& check);

}  // namespace nodeproof::conformance
