#include "reports/compare/pooled.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <span>

namespace nodeproof::reports {
namespace {

using results::Measurement;

constexpr double kConfidence = 0.99;
constexpr size_t kFewestRuns = 3;

using Repetitions = std::vector<const Measurement*>;

bool Holds(const Repetitions& repetitions, const Measurement& measured) {
  return std::ranges::any_of(repetitions, [&](const Measurement* other) {
    return other->estimate == measured.estimate && other->samples == measured.samples;
  });
}

Repetitions Distinct(const Repetitions& repetitions) {
  Repetitions distinct;
  for (const Measurement* each : repetitions) {
    if (!Holds(distinct, *each)) distinct.push_back(each);
  }
  return distinct;
}

// Sums are scaled by the largest value, so that figures near the end of a double's range do not
// overflow on the way.
Pooled OfSamples(std::span<const double> samples, Basis basis) {
  double most = 0;
  for (const double sample : samples) most = std::max(most, std::abs(sample));
  Pooled pooled{.observations = samples.size(), .basis = basis};
  if (most == 0) {
    pooled.freedom = static_cast<double>(samples.size()) - 1;
    return pooled;
  }
  const auto n = static_cast<double>(samples.size());
  double mean = 0;
  for (const double sample : samples) mean += sample / most / n;
  double squares = 0;
  for (const double sample : samples) squares += std::pow(sample / most - mean, 2);
  pooled.mean = mean * most;
  pooled.variance = squares / (n - 1) / n * most * most;
  pooled.freedom = n - 1;
  return pooled;
}

// True if the estimate is the mean of the samples; a percentile is not, and then its own interval
// is all that is known.
bool IsMean(const Measurement& measured) {
  if (measured.samples.size() < 2) return false;
  const double mean = OfSamples(measured.samples, Basis::kWindows).mean;
  const double size = std::max({std::abs(mean), std::abs(measured.estimate), 1e-300});
  return std::abs(mean - measured.estimate) <= 1e-9 * size;
}

// The variance behind a 99 % interval, taken for normal.
Pooled OfInterval(const Measurement& measured) {
  static const double kZ = boost::math::quantile(boost::math::normal(), 1 - (1 - kConfidence) / 2);
  const double half = (measured.high / 2 - measured.low / 2);
  return {.mean = measured.estimate,
          .variance = std::pow(half / kZ, 2),
          .freedom = half > 0 ? 1e6 : 0,
          .observations = 1,
          .basis = half > 0 ? Basis::kInterval : Basis::kCounted};
}

// The mean of repetitions that each have only an interval.
Pooled OfIntervals(const Repetitions& repetitions) {
  Pooled all{.basis = Basis::kCounted};
  const auto n = static_cast<double>(repetitions.size());
  for (const Measurement* each : repetitions) {
    const Pooled one = OfInterval(*each);
    all.mean += one.mean / n;
    all.variance += one.variance / n / n;
    all.freedom += one.freedom;
    all.observations += 1;
    if (one.basis == Basis::kInterval) all.basis = Basis::kInterval;
  }
  return all;
}

double Quantile(double freedom) {
  const boost::math::students_t distribution(std::clamp(freedom, 1.0, 1e9));
  return boost::math::quantile(boost::math::complement(distribution, (1 - kConfidence) / 2));
}

Interval Around(double estimate, double variance, double freedom) {
  if (!(variance > 0) || freedom <= 0) return {estimate, estimate, estimate};
  const double half = Quantile(freedom) * std::sqrt(variance);
  return {estimate, estimate - half, estimate + half};
}

}  // namespace

std::string_view ToString(Basis basis) {
  switch (basis) {
    case Basis::kCounted:
      return "counted";
    case Basis::kInterval:
      return "interval";
    case Basis::kWindows:
      return "windows";
    case Basis::kRuns:
      return "runs";
  }
  return "unknown";
}

bool EnoughRuns(const Repetitions& repetitions) {
  return Distinct(repetitions).size() >= kFewestRuns;
}

bool EqualSamples(const Repetitions& a, const Repetitions& b) {
  return std::ranges::all_of(a, [&](const Measurement* each) { return Holds(b, *each); }) &&
         std::ranges::all_of(b, [&](const Measurement* each) { return Holds(a, *each); });
}

Pooled Pool(const Repetitions& repetitions, bool by_runs) {
  const Repetitions distinct = Distinct(repetitions);
  if (by_runs && distinct.size() >= 2) {
    std::vector<double> estimates;
    for (const Measurement* each : distinct) estimates.push_back(each->estimate);
    return OfSamples(estimates, Basis::kRuns);
  }
  const bool means =
      std::ranges::all_of(distinct, [](const Measurement* each) { return IsMean(*each); });
  if (!means) return OfIntervals(distinct);
  std::vector<double> windows;
  for (const Measurement* each : distinct) {
    windows.insert(windows.end(), each->samples.begin(), each->samples.end());
  }
  return OfSamples(windows, Basis::kWindows);
}

Interval IntervalOf(const Pooled& pooled) {
  return Around(pooled.mean, pooled.variance, pooled.freedom);
}

Interval DifferenceOf(const Pooled& a, double scale_a, const Pooled& b, double scale_b) {
  const double va = a.variance * scale_a * scale_a;
  const double vb = b.variance * scale_b * scale_b;
  const double total = va + vb;
  const double estimate = scale_b * b.mean - scale_a * a.mean;
  if (!(total > 0)) return {estimate, estimate, estimate};
  // Welch and Satterthwaite, in shares of the total so that small variances do not underflow.
  const double shares = (a.freedom > 0 ? std::pow(va / total, 2) / a.freedom : 0) +
                        (b.freedom > 0 ? std::pow(vb / total, 2) / b.freedom : 0);
  return Around(estimate, total, shares > 0 ? 1 / shares : 0);
}

}  // namespace nodeproof::reports
