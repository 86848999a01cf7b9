// A victim that runs until it is throttled, over and over, and notes how much CPU time each run
// held. It knows when its quota is refilled: that is when it runs again.
//
//   refill          refill          refill          refill
//   |-- rest ------------- |#############.........|#######..............|
//                          first run              second run
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"
#include "harness/measure/histogram.h"

namespace nodeproof::probe {

struct QuotaRunsOptions {
  std::string name = "quota-runs";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  // After the last run of a cycle it sleeps for this long, counted from the refill that ended it.
  Nanoseconds rest{0};
  int runs = 1;  // in a cycle: one or two
  // It takes this much time without being charged for being throttled: more than what others take
  // from it at a time, less than what is left of a period when it has used its quota up.
  Nanoseconds throttled{0};
  // A run that gets this much CPU time is ended: nobody throttles it.
  Nanoseconds most{0};
  // How often it asks for its CPU time, which makes the kernel look at its quota.
  Nanoseconds lap = Microseconds(500);
  // Of the quota. A run that began more than a fifth of it after its refill may reach the next one
  // and is no clean run. 0: such runs are not known.
  Nanoseconds period{0};
};

class QuotaRuns {
 public:
  static Result<QuotaRuns> Start(const QuotaRunsOptions& options);

  struct Run {
    Nanoseconds late{0};      // woke after the rest by so much
    Nanoseconds charged{0};   // CPU time that it held
    Nanoseconds last_lap{0};  // of that, in the lap in which it was thrown off: it ended in there
    Nanoseconds longest_lap{0};
    Nanoseconds lost{0};       // to others, while it had quota
    Nanoseconds throttled{0};  // without being charged, until it could go on
    Nanoseconds ended{0};      // when it could, on the monotonic clock

    // Its end is known: the CPU did not stand still under it then.
    bool Clean(Nanoseconds lap) const { return last_lap <= 3 * lap; }
    // The CPU never stood still under it. A stall may last until the next refill, which pays for
    // it.
    bool Steady(Nanoseconds lap) const { return longest_lap <= 3 * lap; }
  };
  struct Cycle {
    uint64_t number = 0;  // 1 is the first one that began after a refill
    Run first;
    Run second;
  };
  // The next cycle to end after `number`. An error when the victim ends, or none does in `timeout`.
  Result<Cycle> AwaitCycle(uint64_t number, Seconds timeout);

  // First runs of all cycles that began in time, after one that ended cleanly, were steady, lost no
  // time to others and were throttled until a refill.
  struct CleanRuns {
    int64_t count = 0;
    Nanoseconds charged{0};
  };
  CleanRuns ReadCleanRuns() const {
    return {worker_.counters().clean_runs, Nanoseconds(worker_.counters().clean_charged_ns)};
  }
  // The time throttled after each first run.
  measure::Histogram& Stalls() const { return worker_.counters().stalls; }
  Nanoseconds lap() const { return lap_; }
  // What the kernel has charged it in all.
  Result<Nanoseconds> CpuTime() { return worker_.process().CpuTime(); }

  struct Counters {
    std::atomic<uint64_t> version{0};  // odd while `cycle` changes
    Cycle cycle;
    std::atomic<int64_t> clean_runs{0};
    std::atomic<int64_t> clean_charged_ns{0};
    measure::Histogram stalls;
  };

 private:
  QuotaRuns(cgroup::Worker<Counters> worker, Nanoseconds lap)
      : worker_(std::move(worker)), lap_(lap) {}

  cgroup::Worker<Counters> worker_;
  Nanoseconds lap_;
};

}  // namespace nodeproof::probe
