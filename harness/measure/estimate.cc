#include "harness/measure/estimate.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

namespace nodeproof::measure {

Result<results::Measurement> MeanInterval(std::span<const double> samples, double confidence) {
  if (samples.size() < 2)
    return Fail("an interval needs two samples, there are {}", samples.size());
  const auto n = static_cast<double>(samples.size());
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / n;
  double squares = 0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  const double standard_error = std::sqrt(squares / (n - 1) / n);
  const boost::math::students_t distribution(n - 1);
  const double t =
      boost::math::quantile(boost::math::complement(distribution, (1 - confidence) / 2));
  return results::Measurement{
      mean, mean - t * standard_error, mean + t * standard_error, {samples.begin(), samples.end()}};
}

results::Measurement Exact(double value) { return {value, value, value, {value}}; }

results::Check ExactCheck(std::string name, const results::Expectation& expected, double value) {
  const results::Measurement measured = Exact(value);
  return {std::move(name), expected, measured, Judge(expected, measured)};
}

results::Finding Judge(const results::Expectation& expected, const results::Measurement& measured) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // Half a part in 10^12 forgives the rounding of the bounds themselves, nothing that is measured.
  const double slack = 1e-12 * std::max(1.0, std::abs(expected.value));
  const double lowest = expected.relation == results::Relation::kAtMost
                            ? -kInfinity
                            : expected.value - expected.tolerance - slack;
  const double highest = expected.relation == results::Relation::kAtLeast
                             ? kInfinity
                             : expected.value + expected.tolerance + slack;
  if (!std::isfinite(measured.low) || !std::isfinite(measured.high)) {
    return results::Finding::kUnclear;
  }
  if (measured.low >= lowest && measured.high <= highest) return results::Finding::kInside;
  if (measured.high < lowest || measured.low > highest) return results::Finding::kOutside;
  return results::Finding::kUnclear;
}

}  // namespace nodeproof::measure
