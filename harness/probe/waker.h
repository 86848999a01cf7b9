// A victim that sleeps, wakes on time and works a little, as a service does that answers requests:
// it notes how late each wake-up was. Requests come at a fixed rate whether or not it keeps up, so
// that a victim that falls behind shows the wait of every request (schbench(8) has the same
// percentiles; coordinated omission is what a fixed rate avoids).
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"
#include "harness/measure/histogram.h"

namespace nodeproof::probe {

struct WakerOptions {
  std::string name = "waker";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  Nanoseconds interval = Milliseconds(2);
  Nanoseconds work = Microseconds(600);  // CPU time of one request
};

class Waker {
 public:
  static Result<Waker> Start(const WakerOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // Forgets what was due and what was noted: the next request is due now. Returns when the victim
  // has seen it, or with an error after `timeout`.
  Status StartAnew(Seconds timeout);
  // How late requests began since then. A request that waits still is not in it.
  const measure::Histogram& Lateness() const { return worker_.counters().lateness; }
  // Adds to `lateness` for how long each request that is due and has not begun waits so far. A
  // victim that does not run at all shows nothing else.
  void AddWaiting(measure::Histogram& lateness) const;

  struct Counters {
    measure::Histogram lateness;
    std::atomic<int64_t> due_ns{0};  // of the request that begins next
    std::atomic<uint64_t> asked{0};  // how often StartAnew was called
    std::atomic<uint64_t> begun{0};  // and seen
  };

 private:
  Waker(cgroup::Worker<Counters> worker, Nanoseconds interval)
      : worker_(std::move(worker)), interval_(interval) {}
  cgroup::Worker<Counters> worker_;
  Nanoseconds interval_;
};

}  // namespace nodeproof::probe
