// From samples to an interval, and from an interval to a finding.
#pragma once

#include <span>

#include "harness/results/results.h"

namespace nodeproof::measure {

// Every estimate that a report shows carries at least this confidence.
inline constexpr double kConfidence = 0.99;

// The mean of `samples` with a two-sided Student t interval at `confidence`. It needs two samples
// (an error otherwise); equal samples give an interval of width 0.
Result<results::Measurement> MeanInterval(std::span<const double> samples, double confidence);

// A quantity that was counted exactly: the interval is the value itself.
results::Measurement Exact(double value);

// A finished check of a quantity that was counted exactly.
results::Check ExactCheck(std::string name, const results::Expectation& expected, double value);

// Whether the interval lies inside the expected band, wholly outside it, or across its edge.
results::Finding Judge(const results::Expectation& expected, const results::Measurement& measured);

}  // namespace nodeproof::measure
