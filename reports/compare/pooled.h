// What the stored samples of one quantity say, over all repetitions of a run, and how far apart two
// such quantities lie.
#pragma once

#include <string>
#include <vector>

#include "harness/results/results.h"

namespace nodeproof::reports {

// What counts as one independent observation.
enum class Basis {
  kCounted,   // one exact number: no noise is known
  kInterval,  // the interval that the measurement came with
  kWindows,   // the windows of all repetitions
  kRuns,      // the estimates of the repetitions, three or more that differ
};
std::string_view ToString(Basis basis);  // "counted", "interval", "windows", "runs"

struct Pooled {
  double mean = 0;
  double variance = 0;  // of the mean
  double freedom =
      0;  // degrees of freedom behind the variance; 0: none, the variance is not estimated
  size_t observations = 0;
  Basis basis = Basis::kCounted;
};

// Pools the measurements of one quantity, one a repetition (at least one). Repetitions vary more
// than the windows of one do (placement, boot), so from three on a repetition is one observation;
// `by_runs` false keeps to windows. Repetitions that are equal sample for sample, as the
// deterministic lane gives them, count once.
Pooled Pool(const std::vector<const results::Measurement*>& repetitions, bool by_runs);

// True if both have three repetitions that differ, so that Pool may go by runs.
bool EnoughRuns(const std::vector<const results::Measurement*>& repetitions);

// True if both consist of the same measurements, sample for sample, however often each is repeated.
bool EqualSamples(const std::vector<const results::Measurement*>& a,
                  const std::vector<const results::Measurement*>& b);

// The 99 % interval of scale_b x mean(b) - scale_a x mean(a), by Welch's t.
struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};
Interval DifferenceOf(const Pooled& a, double scale_a, const Pooled& b, double scale_b);

// The mean with its own 99 % interval.
Interval IntervalOf(const Pooled& pooled);

}  // namespace nodeproof::reports
