// How a running average of a pressure file follows its total: what it took in over one of the
// kernel's periods, against what the total grew meanwhile.
#pragma once

#include <optional>

#include "harness/base/units.h"
#include "harness/results/results.h"

namespace nodeproof::conformance {

// What a period of 2 s and a tick leaves of an average, of 2048 (kernel/sched/psi.c, calc_avgs();
// include/linux/sched/loadavg.h and psi.c: EXP_10s, EXP_60s).
inline constexpr double kKept10 = 1677.0 / 2048;
inline constexpr double kKept60 = 1981.0 / 2048;

class AverageFollower {
 public:
  explicit AverageFollower(double kept) : kept_(kept) {}

  // A reading of the file: the clock before and after it, the total and the average in percent. The
  // kernel has renewed the average since the last reading where it differs from it.
  void Add(Nanoseconds before, Nanoseconds after, Microseconds total, double average);

  // Of the last whole period, nullopt until one has been seen, and after one that was not seen
  // whole. Stalled time as a part of the period, as the average took it in; and that, as a part of
  // what the total says. The bounds come from the readings around either end of the period and from
  // the kernel's rounding: it shows hundredths of a percent, cut off, and takes in whole percents,
  // cut off.
  std::optional<results::Measurement> TakenIn() const { return taken_in_; }
  std::optional<results::Measurement> OfTotal() const { return of_total_; }

 private:
  struct Reading {
    Nanoseconds before{0}, after{0};
    Microseconds total{0};
    double average = 0;
  };
  // When the average was renewed: after one reading, and before the end of the next.
  struct Renewal {
    Reading last;
    Reading next;
  };
  void Close(const Renewal& begin, const Renewal& end);

  double kept_;
  std::optional<Reading> last_;
  std::optional<Renewal> begun_;
  std::optional<results::Measurement> taken_in_;
  std::optional<results::Measurement> of_total_;
};

}  // namespace nodeproof::conformance
