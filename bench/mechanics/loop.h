// A process that does one operation over and over: every victim and every load of the benchmarks.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "harness/cgroup/worker.h"
#include "harness/measure/histogram.h"

namespace nodeproof::bench {

// Does the operation once and returns how long a caller would have waited for it.
using Operation = std::function<Result<Nanoseconds>()>;
// Makes the operation in the process that will do it, so that its memory is charged there.
using MakeOperation = std::function<Result<Operation>()>;

// An operation that is timed from outside.
Operation Timed(std::function<Status()> once);

struct LoopOptions {
  std::string name = "loop";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  std::optional<int> oom_score_adj = std::nullopt;
};

class Loop {
 public:
  // The operation is made and done once before the loop is ready.
  static Result<Loop> Start(const LoopOptions& options, const MakeOperation& make);

  // An error of the operation ends the process; this, and Check, say which.
  Status AwaitReady(Seconds timeout);
  Status Check();
  int64_t Done() const { return worker_.counters().done; }
  measure::Histogram& Latencies() const { return worker_.counters().latencies; }
  Result<bool> Running() { return worker_.process().Running(); }

  struct Counters {
    std::atomic<int64_t> done{0};
    measure::Histogram latencies;
    std::atomic<bool> unsupported{false};
    char error[240] = {};
  };

 private:
  explicit Loop(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::bench
