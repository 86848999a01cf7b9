// A process that fills anonymous memory page by page and holds it.
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

struct AnonHogOptions {
  std::string name = "anon-hog";
  const cgroup::Cgroup* group = nullptr;
  Bytes target{0};
  std::optional<int> oom_score_adj = std::nullopt;
  CpuSet affinity = {};  // empty: as the cgroup allows
  // Once `target` is reached, give half of it back and fill it again, over and over.
  bool churn = false;
  // Bytes a second that it grows by, as the monotonic clock runs; 0 is as fast as it can. What it
  // missed while it was held up it catches up with.
  Bytes rate{0};
};

class AnonHog {
 public:
  static Result<AnonHog> Start(const AnonHogOptions& options);

  // Returns once `target` is touched; an error when the hog ended first (killed, say).
  Status AwaitFull(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // The most that was resident by its own count, and all that it ever touched.
  Bytes Touched() const { return {worker_.counters().touched}; }
  Bytes TouchedInAll() const { return {worker_.counters().touched_in_all}; }
  Result<cgroup::Exit> Wait(Seconds timeout) { return worker_.process().Wait(timeout); }
  Result<bool> Running() { return worker_.process().Running(); }
  cgroup::Process& process() { return worker_.process(); }
  const std::string& name() const { return worker_.name(); }

  struct Counters {
    std::atomic<int64_t> touched{0};
    std::atomic<int64_t> touched_in_all{0};
  };

 private:
  explicit AnonHog(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::stress
