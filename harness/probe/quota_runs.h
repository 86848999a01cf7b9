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

namespace nodeproof::probe {

struct QuotaRunsOptions {
  std::string name = "quota-runs";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  // After the last run of a cycle it sleeps for this long, counted from the refill that ended it.
  Nanoseconds rest{0};
  int runs = 1;  // in a cycle: one or two
  // A run that gets this much CPU time is ended: nobody throttles it.
  Nanoseconds most{0};
};

class QuotaRuns {
 public:
  static Result<QuotaRuns> Start(const QuotaRunsOptions& options);

  // Returns at the end of its first cycle, which began anywhere in a period.
  Status AwaitAligned(Seconds timeout) { return worker_.AwaitReady(timeout); }

  // Of all whole cycles since then.
  struct Totals {
    int64_t cycles = 0;
    Nanoseconds first_runs{0};  // CPU time that the first run of each held
    Nanoseconds second_runs{0};
    Nanoseconds throttled{0};  // time without being charged after its runs
  };
  Totals Read() const;

  struct Counters {
    std::atomic<uint64_t> version{0};  // odd while the totals change
    std::atomic<int64_t> cycles{0};
    std::atomic<int64_t> first_runs_ns{0};
    std::atomic<int64_t> second_runs_ns{0};
    std::atomic<int64_t> throttled_ns{0};
  };

 private:
  explicit QuotaRuns(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
