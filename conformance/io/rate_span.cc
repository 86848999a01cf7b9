#include "conformance/io/rate_span.h"

#include <algorithm>
#include <limits>

namespace nodeproof::conformance {

void RateSpan::Add(Nanoseconds now, double done, Nanoseconds stall) {
  if (!any_) {
    any_ = true;
    begun_ = now;
    done_before_ = done;
  }
  now_ = now;
  done_ = done;
  worst_ = std::max(worst_, stall);
  if (stall > model_.backlog) dry_ += stall;
  if (stall > model_.jiffy) late_ += stall;
}

std::optional<results::Measurement> RateSpan::Share() const {
  const double length = this->length().count();
  const double off = (model_.lateness + Seconds(worst_)).count();
  const double shortest = length - off - Seconds(dry_).count();
  if (shortest <= 0) return std::nullopt;
  results::Measurement share;
  share.estimate = done() / length / model_.limit;
  share.low = std::max(0.0, done() - model_.grain) / (length + off) / model_.limit;
  share.high = (done() + model_.grain) / shortest / model_.limit;
  return share;
}

double RateSpan::ShareAtMost() const {
  const Seconds off = model_.lateness + Seconds(worst_) + Seconds(late_);
  const double shortest = std::max(0.0, (length() - off).count());
  return shortest == 0 ? std::numeric_limits<double>::infinity()
                       : (done() + model_.grain) / shortest / model_.limit;
}

}  // namespace nodeproof::conformance
