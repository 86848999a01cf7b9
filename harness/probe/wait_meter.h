// A victim that wants its CPU all the time and notes when it did not get it: it spins, and when the
// clock has jumped under it, it asks the kernel how much of that it spent ready but waiting
// (/proc/self/schedstat, Documentation/scheduler/sched-stats.rst). Time that a hypervisor took from
// the CPU while the victim was on it is a jump, but no wait.
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct WaitMeterOptions {
  std::string name = "wait-meter";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};  // empty: as the cgroup allows
};

class WaitMeter {
 public:
  // An error marked `unsupported` where the kernel does not tell how long a task waited.
  static Result<WaitMeter> Start(const WaitMeterOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // All waiting so far, and the longest single wait since the last call.
  Nanoseconds Waited() const { return Nanoseconds(worker_.counters().waited_ns); }
  Nanoseconds TakeLongest() { return Nanoseconds(worker_.counters().longest_ns.exchange(0)); }
  uint64_t Rounds() const { return worker_.counters().rounds; }
  Result<bool> Running() { return worker_.process().Running(); }

  struct Counters {
    std::atomic<int64_t> waited_ns{0};
    std::atomic<int64_t> longest_ns{0};
    std::atomic<uint64_t> rounds{0};
  };

 private:
  explicit WaitMeter(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
