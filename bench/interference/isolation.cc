#include "bench/interference/isolation.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <numeric>

#include "harness/measure/estimate.h"

namespace nodeproof::bench {

results::Measurement QuantileOfShares(std::vector<double> samples, double fraction) {
  constexpr double kTail = (1 - measure::kConfidence) / 2;
  results::Measurement measured{0, 0, 1, {}};
  if (samples.empty()) return measured;
  std::ranges::sort(samples);
  const auto n = static_cast<double>(samples.size());
  measured.estimate = samples[static_cast<size_t>(std::clamp(std::ceil(fraction * n), 1.0, n)) - 1];
  measured.samples = {measured.estimate};  // the samples' mean is another quantity
  // The number of samples below the quantile is binomial: x_(l) is above it only if fewer than l
  // are below, x_(u) is below it only if at least u are.
  const boost::math::binomial_distribution<double> below(n, fraction);
  for (size_t rank = 1; rank <= samples.size(); ++rank) {
    const double fewer = boost::math::cdf(below, static_cast<double>(rank) - 1);
    if (fewer <= kTail) measured.low = samples[rank - 1];
    if (1 - fewer <= kTail) {
      measured.high = samples[rank - 1];
      break;
    }
  }
  return measured;
}

Result<Isolation> IsolationOf(const VictimSeries& alone, const VictimSeries& beside) {
  const double total = std::accumulate(alone.rates.begin(), alone.rates.end(), 0.0);
  if (total <= 0) return Fail("the victim finished nothing alone");
  const double mean_alone = total / static_cast<double>(alone.rates.size());
  std::vector<double> shares;
  for (const double rate : beside.rates) shares.push_back(std::min(rate / mean_alone, 1.0));
  Isolation isolation;
  isolation.mean = TRY(measure::MeanInterval(shares, measure::kConfidence));
  isolation.mean.samples = shares;
  isolation.mean.low = std::max(isolation.mean.low, 0.0);  // no share can be outside
  isolation.mean.high = std::min(isolation.mean.high, 1.0);
  isolation.p05 = QuantileOfShares(shares, 0.05);
  isolation.missing_samples =
      static_cast<double>(std::ranges::count(shares, 0.0)) / static_cast<double>(shares.size());
  if (alone.p99.count() > 0) {
    isolation.latency_impact = std::max(Seconds(beside.p99) / Seconds(alone.p99) - 1, 0.0);
  }
  return isolation;
}

}  // namespace nodeproof::bench
