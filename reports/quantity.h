// Numbers as people read them: a check's figures in one unit, with no more digits than its
// tolerance and interval can carry.
#pragma once

#include <string>

#include "harness/results/results.h"

namespace nodeproof::reports {

// How the figures of one quantity are written.
struct Scale {
  double divisor = 1;  // 1048576 when bytes are shown in MiB
  int decimals = 0;
  std::string unit;  // printable; empty for ratios and counts
};

// One scale for every figure of `check`, and of `other` (the other arm's same check) if given.
Scale ScaleOf(const results::Check& check, const results::Check* other = nullptr);

// A number without its unit: "0.701".
std::string Figure(double value, const Scale& scale);

// "0.700 ± 0.020", "≤ 96.0 + 0.5 MiB", "≥ 1".
std::string ExpectedText(const results::Expectation& expected, const Scale& scale);

// False for a check that no usable window reached: its figures are zeros that nobody measured. (An
// interval of no width that was measured lies inside or outside, it is never unclear.)
bool WasMeasured(const results::Check& check);

// The check's measurement as below, or "not measured".
std::string MeasuredText(const results::Check& check, const Scale& scale);

// "0.701 [0.697, 0.705]", or "12" when it was counted, not estimated.
std::string MeasuredText(const results::Measurement& measured, const Scale& scale);

// The check's interval without the estimate, "[0.697, 0.705]"; empty when it was counted.
std::string IntervalText(const results::Measurement& measured, const Scale& scale);

// A load's amount in its unit: "1.20 s", "96 MiB", "500 forks".
std::string AmountText(double amount, const std::string& unit);

}  // namespace nodeproof::reports
