// A victim that wants all of one CPU and notes when it does not have it, as oslat(8) does: a
// histogram of its gaps, and the longest one.
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"
#include "harness/measure/histogram.h"

namespace nodeproof::probe {

struct SpinnerOptions {
  std::string name = "spinner";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  // Shorter gaps are not counted: interrupts and the threads that watch the node.
  Nanoseconds shortest = Milliseconds(2);
};

class Spinner {
 public:
  static Result<Spinner> Start(const SpinnerOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // Its gaps so far. What it was charged while the CPU stood still is no gap.
  measure::Histogram& Gaps() const { return worker_.counters().gaps; }
  // The longest since the last call. A gap that lasts still is not among them: it may turn out to
  // be charged.
  Nanoseconds TakeLongest() { return Nanoseconds(worker_.counters().longest_ns.exchange(0)); }
  // How often it looked.
  uint64_t Looks() const { return worker_.counters().looks; }

  struct Counters {
    measure::Histogram gaps;
    std::atomic<int64_t> longest_ns{0};
    std::atomic<uint64_t> looks{0};
  };

 private:
  explicit Spinner(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}

  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
