// What a quota lets a group use, to within a tick: readings of a group that wants more, taken while
// it is throttled.
//
//   refill               refill               refill
//   |######........R.....|######........R.....|######........R.....     # runs, . is throttled
//
// At R the group holds no runtime. What it was charged between two such moments is what the refills
// between them gave it, and the difference of two debts: a group runs on until the next tick finds
// it out, and repays that from its next refill (kernel/sched/fair.c, account_cfs_rq_runtime,
// distribute_cfs_runtime). The interval of the result comes from these debts, not from statistics.
#pragma once

#include <optional>
#include <vector>

#include "harness/base/units.h"
#include "harness/results/results.h"

namespace nodeproof::conformance {

// The tick of a kernel with HZ=250.
inline constexpr Nanoseconds kTick = Milliseconds(4);

class QuotaSpan {
 public:
  // The group is to get `quota` of CPU time in each `period`, and wants more on each of `cpus`
  // CPUs.
  QuotaSpan(Nanoseconds quota, Nanoseconds period, int cpus);

  struct Reading {
    Nanoseconds usage{0};      // usage_usec of the group since it was made
    Nanoseconds throttled{0};  // throttled_usec of the group
    Nanoseconds stall{0};      // the longest that any CPU stood still since the last reading
    bool spent = true;         // the kernel counted it as throttled in every period since then
    Nanoseconds others{0};  // of its CPUs since then, at most, taken by whatever is not the group
  };
  // The reading of one period after that of the last call. Where the node stood still so long that
  // the moment may have been missed (a fifth of a period), it is no end of a stretch. Where the
  // group may have been kept from using a quota up, the stretch ends before it and another begins:
  // when a refill may have been left out, when the kernel did not find the group throttled and the
  // node stood still or others had what the group lacks, and, on several CPUs, when one of them
  // stood still for a third of the rest.
  void Add(const Reading& reading);

  // CPU time used, and time throttled on all CPUs together, in microseconds a period. nullopt until
  // there are two readings to compare. The time throttled is the rest of the period where nothing
  // else wants the CPUs.
  std::optional<results::Measurement> UsedPerPeriod() const;
  // A lower bound of the CPU time used, from all periods: no stall makes a group use more than its
  // quota. 0 until there are two readings.
  double UsedAtLeast() const;
  std::optional<results::Measurement> ThrottledPerPeriod() const;

  // Periods inside the stretches, and all that were seen.
  int64_t periods() const { return Total().periods; }
  int64_t seen() const { return seen_; }

 private:
  // What lies between the two ends of stretches, and what may be owed on a CPU at either.
  struct Sum {
    int64_t periods = 0;
    Nanoseconds used{0};
    Nanoseconds throttled{0};
    Nanoseconds owed_first{0};
    Nanoseconds owed_last{0};
    Nanoseconds late_first{0};
    Nanoseconds late_last{0};

    // The uncertainty of a period.
    double Width() const;
  };
  struct End {
    int64_t at = 0;
    Reading reading;
    Nanoseconds owed{0};
  };
  static Sum Between(const End& first, const End& last);
  static Sum Plus(const Sum& a, const Sum& b);
  // The closed stretches, and the part of the open one that makes the result most certain. Ends are
  // chosen by what may be owed there, never by what was used.
  Sum Total() const;
  static Sum Best(const Sum& closed, const std::vector<End>& ends);

  Nanoseconds share_;  // of the quota, on one CPU
  Nanoseconds period_;
  int cpus_;
  int64_t seen_ = 0;
  Nanoseconds last_usage_{0};
  Nanoseconds owed_{0};    // at most, on one CPU
  std::vector<End> ends_;  // of the open stretch
  std::vector<End> all_ends_;
  Sum closed_;
};

}  // namespace nodeproof::conformance
