// A load that uses a fixed part of each period of a quota and no more. It finds out when its quota
// is refilled by being throttled at first; from then on it works in the middle of each period, so
// that neither a refill that comes late nor a turn that is held up mixes two periods.
//
//   refill                 refill                 refill
//   |     ##########       |     ##########       |
//     gap    use      rest
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct BudgetUserOptions {
  std::string name = "budget-user";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  Nanoseconds period{0};
  Nanoseconds quota{0};
  Nanoseconds use{0};  // CPU time in each period
  Nanoseconds gap{0};  // from the refill to the beginning of its work
};

class BudgetUser {
 public:
  static Result<BudgetUser> Start(const BudgetUserOptions& options);

  // Returns when it knows its refills.
  Status AwaitAligned(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // A refill; the others are whole periods later.
  Nanoseconds Refill() const { return Nanoseconds(worker_.counters().refill_ns); }
  // The most CPU time in one period since the last call, with what it used before beyond the quota
  // and has not been able to repay since: a CPU that stands still charges it what it did not use.
  Nanoseconds TakePeak() { return Nanoseconds(worker_.counters().peak_ns.exchange(0)); }
  // Periods in which it worked as it should.
  int64_t Periods() const { return worker_.counters().periods; }
  // The refill of the last period that it has come to the end of, also where it was thrown off its
  // CPU before it had used what it wanted. The peak tells of that period then.
  Nanoseconds LastEnded() const { return Nanoseconds(worker_.counters().ended_ns); }

  struct Counters {
    std::atomic<int64_t> refill_ns{0};
    std::atomic<int64_t> peak_ns{0};
    std::atomic<int64_t> periods{0};
    std::atomic<int64_t> ended_ns{0};
  };

 private:
  explicit BudgetUser(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
