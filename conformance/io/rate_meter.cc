#include "conformance/io/rate_meter.h"

#include <algorithm>

#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using results::Finding;

constexpr Milliseconds kEvery{25};
constexpr Seconds kLongest{12};

class Meter {
 public:
  Meter(const std::vector<MeteredRate>& rates, double tolerance)
      : rates_(rates), expected_{1, results::Relation::kWithin, tolerance, "ratio"} {
    for (const MeteredRate& rate : rates) spans_.emplace_back(rate.model);
  }

  Status Read(const Clock& clock, Nanoseconds stall) {
    for (size_t i = 0; i < rates_.size(); ++i) {
      const double done = TRY(rates_[i].done());
      spans_[i].Add(clock.Now(), done, stall);
    }
    return {};
  }

  bool Decided() const {
    return std::all_of(spans_.begin(), spans_.end(),
                       [&](const RateSpan& span) { return Judge(span) != Finding::kUnclear; });
  }

  MeteredRates Finish(Nanoseconds worst) const {
    MeteredRates finished;
    for (size_t i = 0; i < rates_.size(); ++i) {
      const auto share = spans_[i].Share();
      finished.checks.push_back({rates_[i].name, expected_,
                                 share.value_or(results::Measurement{0, 0, 1e9, {}}),
                                 Judge(spans_[i])});
    }
    finished.notes.push_back(
        fmt::format("read for {}; the node stood still for {} of it, at most {} at a time",
                    FormatDuration(spans_.front().length()), FormatDuration(spans_.front().late()),
                    FormatDuration(Seconds(worst))));
    return finished;
  }

 private:
  Finding Judge(const RateSpan& span) const {
    const auto share = span.Share();
    if (!share) return Finding::kUnclear;
    const Finding finding = measure::Judge(expected_, *share);
    const bool too_little = share->high < expected_.value - expected_.tolerance;
    const bool lost = span.ShareAtMost() >= expected_.value - expected_.tolerance;
    return finding == Finding::kOutside && too_little && lost ? Finding::kUnclear : finding;
  }

  const std::vector<MeteredRate>& rates_;
  const results::Expectation expected_;
  std::vector<RateSpan> spans_;
};

}  // namespace

Result<MeteredRates> MeterRates(ArmContext& context, const std::vector<MeteredRate>& rates,
                                double tolerance, const std::function<Status()>& check) {
  const Clock& clock = context.clock();
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), Milliseconds(2)));
  Nanoseconds next = clock.Now() + std::chrono::duration_cast<Nanoseconds>(3 * kThrottleSlice);
  const Nanoseconds end = next + std::chrono::duration_cast<Nanoseconds>(kLongest);
  clock.WaitUntil(next);
  stalls->TakeWorst();
  Meter meter(rates, tolerance);
  Nanoseconds worst{0};
  for (int reading = 1;; ++reading) {
    const Nanoseconds stall = stalls->TakeWorst();
    worst = std::max(worst, stall);
    TRY(meter.Read(clock, stall));
    if (reading % 8 == 0) TRY(check());
    if (meter.Decided() || clock.Now() >= end) break;
    next = std::max(next + kEvery, clock.Now());
    clock.WaitUntil(next);
  }
  TRY(check());
  return meter.Finish(worst);
}

}  // namespace nodeproof::conformance
