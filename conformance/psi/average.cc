#include "conformance/psi/average.h"

#include <algorithm>

namespace nodeproof::conformance {
namespace {

constexpr double kShown = 0.01;        // percent
constexpr double kFixed = 1.0 / 2048;  // percent: the last bit of the kernel's fixed point
constexpr double kWholePercent = 1;
// A period is 2 s and a tick, and one that is renewed late makes the next shorter. What is longer
// than this has a renewal in it that was missed, by the kernel (which then decays the average once
// more for it) or by who reads, because it did not show.
constexpr Seconds kShortest{1};
constexpr Seconds kLongest{3};

results::Measurement Between(double low, double high) { return {(low + high) / 2, low, high, {}}; }

}  // namespace

void AverageFollower::Add(Nanoseconds before, Nanoseconds after, Microseconds total,
                          double average) {
  const Reading now{before, after, total, average};
  if (last_ && last_->average != average) {
    const Renewal renewal{*last_, now};
    if (begun_) Close(*begun_, renewal);
    begun_ = renewal;
  }
  last_ = now;
}

void AverageFollower::Close(const Renewal& begin, const Renewal& end) {
  taken_in_ = of_total_ = std::nullopt;
  const Seconds shortest = end.last.before - begin.next.after;
  const Seconds longest = end.next.after - begin.last.before;
  if (shortest < kShortest || longest > kLongest) return;
  // What was added to the part that was kept.
  const double added_low =
      (end.next.average - (begin.next.average + kShown) * kept_ - kFixed) / (1 - kept_);
  const double added_high =
      (end.next.average + kShown - begin.next.average * kept_ + kFixed) / (1 - kept_) +
      kWholePercent;
  taken_in_ = Between(std::max(0.0, added_low) / 100, added_high / 100);

  const Seconds least = end.last.total - begin.next.total;
  const Seconds most = end.next.total - begin.last.total;
  if (least.count() <= 0) return;
  of_total_ = Between(taken_in_->low / (most / shortest), taken_in_->high / (least / longest));
}

}  // namespace nodeproof::conformance
