// A process that holds more than its heap: the stacks of its threads and mappings that it shares.
#pragma once

#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

struct ThreadGrowthOptions {
  std::string name = "thread-growth";
  const cgroup::Cgroup* group = nullptr;
  Bytes heap{0};    // private memory, first
  int threads = 0;  // then so many threads, one after the other, each of which
  Bytes stack{0};   // touches so much of its stack
  Bytes shared{0};  // then a shared mapping of so much
  std::optional<int> oom_score_adj = std::nullopt;
};

class ThreadGrowth {
 public:
  static Result<ThreadGrowth> Start(const ThreadGrowthOptions& options);

  // Returns once all is touched; an error when the process ended first (killed, say).
  Status AwaitDone(Seconds timeout) { return worker_.AwaitReady(timeout); }
  Bytes Heap() const { return {worker_.counters().heap}; }
  Bytes Stacks() const { return {worker_.counters().stacks}; }
  Bytes Shared() const { return {worker_.counters().shared}; }
  Result<bool> Running() { return worker_.process().Running(); }
  cgroup::Process& process() { return worker_.process(); }

  struct Counters {
    std::atomic<int64_t> heap{0};
    std::atomic<int64_t> stacks{0};
    std::atomic<int64_t> shared{0};
  };

 private:
  explicit ThreadGrowth(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::stress
