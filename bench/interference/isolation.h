// What a neighbour costs a victim, as numbers: the metrics of the interference matrix.
//
//   isolation(t) = min(rate beside the neighbour in window t / mean rate alone, 1)
#pragma once

#include <span>
#include <vector>

#include "harness/base/units.h"
#include "harness/results/results.h"

namespace nodeproof::bench {

// What was counted of a victim in one arm.
struct VictimSeries {
  std::vector<double> rates;  // operations a second in each window
  Nanoseconds p99{0};         // of its operations' latencies
};

struct Isolation {
  results::Measurement mean;   // of isolation(t), with the 99 % interval of the mean
  results::Measurement p05;    // its 5th percentile, with an interval of at least 99 %
  double missing_samples = 0;  // share of windows in which the victim finished nothing
  double latency_impact = 0;   // max(p99 / p99 alone - 1, 0)
};

// Errors: the victim alone finished nothing; fewer than two windows.
Result<Isolation> IsolationOf(const VictimSeries& alone, const VictimSeries& beside);

// The quantile `fraction` of `samples`, all of which lie in [0, 1], with the interval between two
// order statistics that holds it in 99 of 100 cases, whatever the distribution (the binomial law);
// where the samples are too few, the interval ends at 0 or 1.
results::Measurement QuantileOfShares(std::vector<double> samples, double fraction);

}  // namespace nodeproof::bench
