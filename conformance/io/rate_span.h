// The rate at which something advances, known between bounds that come from how it advances and not
// from a statistic: between two readings, what was done is known to a grain, and the time to how
// late the node was.
#pragma once

#include <optional>

#include "harness/base/units.h"
#include "harness/results/results.h"

namespace nodeproof::conformance {

// What a limit lets through, and how.
struct RateModel {
  double limit = 0;  // a second; what a measured rate is divided by
  // What may be let through at once: a slice of the kernel's limit (which hands a slice's whole
  // budget out at its begin), one request.
  double grain = 0;
  // How long a reading and what it counts may be apart on a node that never stands still: the
  // kernel's timer (a jiffy), the device.
  Seconds lateness{0.012};
  // A stall longer than this lets the stream run dry, and then the kernel forgets the unused
  // budget.
  Seconds backlog{0.2};
  // Before 6.15 it may also forget what its timer comes late by, more than a jiffy (HZ=250;
  // 29cb95593430, throtl_trim_slice()).
  Seconds jiffy{0.004};
};

class RateSpan {
 public:
  explicit RateSpan(const RateModel& model) : model_(model) {}

  // A reading: `done` so far, at `now`, with the longest stall of the node since the last one.
  void Add(Nanoseconds now, double done, Nanoseconds stall);

  Seconds length() const { return Seconds(now_ - begun_); }
  double done() const { return done_ - done_before_; }
  // Time in stalls that outlast a jiffy.
  Seconds late() const { return Seconds(late_); }
  // The rate as a share of the limit, with its bounds; nullopt before it can be known at all.
  std::optional<results::Measurement> Share() const;
  // The most that it can be if the kernel forgot all the budget that it may have forgotten: only
  // who has less than the limit by this too was kept from it. Not before Share() is known.
  double ShareAtMost() const;

 private:
  RateModel model_;
  bool any_ = false;
  Nanoseconds begun_{0};
  Nanoseconds now_{0};
  double done_before_ = 0;
  double done_ = 0;
  Nanoseconds worst_{0};  // stall
  Nanoseconds dry_{0};    // time in stalls that outlast the backlog
  Nanoseconds late_{0};   // time in stalls that outlast a jiffy
};

}  // namespace nodeproof::conformance
