#include "conformance/cpu/quota_span.h"

#include <algorithm>
#include <limits>

namespace nodeproof::conformance {
namespace {

double Usec(Nanoseconds time) { return static_cast<double>(time.count()) / 1000; }

}  // namespace

QuotaSpan::QuotaSpan(Nanoseconds quota, Nanoseconds period, int cpus)
    : share_(quota / cpus), period_(period), cpus_(cpus) {}

double QuotaSpan::Sum::Width() const {
  if (periods == 0) return std::numeric_limits<double>::infinity();
  return Usec(std::max(owed_first, owed_last)) / static_cast<double>(periods);
}

void QuotaSpan::Add(const Reading& reading) {
  ++seen_;
  // A CPU that owes more than a refill does not run at all in that period. What was used before the
  // first reading may all be owed.
  owed_ = std::max(seen_ == 1 ? reading.usage : owed_ - share_, kTick + reading.stall);
  const Nanoseconds lacks = cpus_ * share_ - (reading.usage - last_usage_);
  last_usage_ = reading.usage;
  const bool lost = reading.stall > (cpus_ > 1 ? (period_ - share_) / 3 : period_ * 8 / 10) ||
                    (!reading.spent && (reading.stall > period_ / 10 || reading.others >= lacks));
  if (lost) {
    closed_ = Total();
    ends_.clear();
  }
  if (reading.stall > period_ / 5) return;
  ends_.push_back({seen_, reading, owed_});
  all_ends_.push_back(ends_.back());
}

QuotaSpan::Sum QuotaSpan::Between(const End& first, const End& last) {
  return {.periods = last.at - first.at,
          .used = last.reading.usage - first.reading.usage,
          .throttled = last.reading.throttled - first.reading.throttled,
          .owed_first = first.owed,
          .owed_last = last.owed,
          .late_first = first.reading.stall,
          .late_last = last.reading.stall};
}

QuotaSpan::Sum QuotaSpan::Plus(const Sum& a, const Sum& b) {
  return {a.periods + b.periods,       a.used + b.used,           a.throttled + b.throttled,
          a.owed_first + b.owed_first, a.owed_last + b.owed_last, a.late_first + b.late_first,
          a.late_last + b.late_last};
}

QuotaSpan::Sum QuotaSpan::Best(const Sum& closed, const std::vector<End>& ends) {
  Sum best = closed;
  for (size_t last = 1; last < ends.size(); ++last) {
    for (size_t first = 0; first < last; ++first) {
      const Sum sum = Plus(closed, Between(ends[first], ends[last]));
      if (sum.Width() < best.Width()) best = sum;
    }
  }
  return best;
}

QuotaSpan::Sum QuotaSpan::Total() const { return Best(closed_, ends_); }

double QuotaSpan::UsedAtLeast() const {
  const Sum sum = Best({}, all_ends_);
  if (sum.periods == 0) return 0;
  return Usec(sum.used - cpus_ * sum.owed_last) / static_cast<double>(sum.periods);
}

std::optional<results::Measurement> QuotaSpan::UsedPerPeriod() const {
  const Sum sum = Total();
  if (sum.periods == 0) return std::nullopt;
  const auto periods = static_cast<double>(sum.periods);
  const double estimate = Usec(sum.used) / periods;
  return results::Measurement{estimate,
                              Usec(sum.used - cpus_ * sum.owed_last) / periods,
                              Usec(sum.used + cpus_ * sum.owed_first) / periods,
                              {estimate}};
}

std::optional<results::Measurement> QuotaSpan::ThrottledPerPeriod() const {
  const Sum sum = Total();
  if (sum.periods == 0) return std::nullopt;
  const auto periods = static_cast<double>(sum.periods);
  const double estimate = Usec(sum.throttled) / periods;
  // Throttled until the refill, which may come late, from when the quota and a debt were used up.
  const Nanoseconds less = cpus_ * (sum.owed_first + sum.late_last);
  const Nanoseconds more = cpus_ * (sum.owed_last + sum.late_first);
  return results::Measurement{estimate,
                              Usec(sum.throttled - less) / periods,
                              Usec(sum.throttled + more) / periods,
                              {estimate}};
}

}  // namespace nodeproof::conformance
