// A victim that measures its own waits: it spins, looking at the clock, and remembers the longest
// time between two looks.
#pragma once

#include <atomic>
#include <string>

#include "harness/base/clock.h"
#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct RunGapsOptions {
  std::string name = "run-gaps";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};  // empty: as the cgroup allows
};

class RunGaps {
 public:
  static Result<RunGaps> Start(const RunGapsOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // The longest wait since the last call, the one that goes on included.
  Nanoseconds TakeLongest();
  // How often it has looked at the clock.
  uint64_t Looks() const { return worker_.counters().looks; }
  const std::string& name() const { return worker_.name(); }
  Status Signal(int signal) { return worker_.process().Signal(signal); }
  Result<bool> Running() { return worker_.process().Running(); }

  struct Counters {
    std::atomic<int64_t> last_look_ns{0};
    std::atomic<int64_t> longest_ns{0};
    std::atomic<uint64_t> looks{0};
  };

 private:
  explicit RunGaps(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
