// A victim that forks at a fixed rate, as a service does that starts a process for each request:
// it counts the forks that failed and notes what each took, from fork(2) until its child, which
// ends at once, is reaped.
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"
#include "harness/measure/histogram.h"

namespace nodeproof::probe {

struct ForkerOptions {
  std::string name = "forker";
  const cgroup::Cgroup* group = nullptr;
  Nanoseconds interval = Milliseconds(5);  // between the end of a child and the next fork
};

class Forker {
 public:
  static Result<Forker> Start(const ForkerOptions& options);

  // Returns after the first fork.
  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  int64_t Forks() const { return worker_.counters().forks; }  // the failed ones too
  int64_t Failures() const { return worker_.counters().failures; }
  int LastError() const { return worker_.counters().last_error; }
  // Forgets all counts: returns when the victim has seen it, or with an error after `timeout`.
  Status StartAnew(Seconds timeout);
  // What forks took that did not fail.
  const measure::Histogram& Latency() const { return worker_.counters().latency; }

  struct Counters {
    std::atomic<int64_t> forks{0};
    std::atomic<int64_t> failures{0};
    std::atomic<int> last_error{0};
    measure::Histogram latency;
    std::atomic<uint64_t> asked{0};  // how often StartAnew was called
    std::atomic<uint64_t> begun{0};  // and seen
  };

 private:
  explicit Forker(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
