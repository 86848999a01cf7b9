// A controller in the manner of senpai: it finds out how much memory a group needs by lowering
// memory.high as long as the group does not stall for memory, and giving way where it does.
//
// Each step lasts until the group has done a given amount of work, so that a step in which it could
// not run says nothing.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

// The control law, without I/O: the next memory.high after a step.
struct AutosizeLaw {
  double target = 0.01;   // the share of time that some task may stall (PSI `some`)
  double probe = 0.05;    // lowered by this share after a calm step
  double backoff = 0.10;  // raised by this share after one that was not

  // `pressure` is the share of the step that some task stalled.
  Bytes Next(Bytes limit, double pressure) const;
};

struct AutosizerOptions {
  std::string name = "autosizer";
  const cgroup::Cgroup* group = nullptr;       // where the controller runs
  const cgroup::Cgroup* controlled = nullptr;  // whose memory.high it sets
  AutosizeLaw law = {};
  // The work that the group has done so far; a step ends when it has grown by `work_a_step`.
  std::function<int64_t()> work = {};
  int64_t work_a_step = 1;
  int backoffs = 1;  // it stops, and leaves memory.high, after so many
};

class Autosizer {
 public:
  // Begins at what the group uses.
  static Result<Autosizer> Start(const AutosizerOptions& options);

  // Returns once it has stopped; an error when it ended first.
  Status AwaitDone(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // The lowest memory.high at which a whole step was calm, and memory.current at its end.
  Bytes Found() const { return {worker_.counters().found}; }
  Bytes UsedThen() const { return {worker_.counters().used}; }
  int64_t Steps() const { return worker_.counters().steps; }

  struct Counters {
    std::atomic<int64_t> found{0};
    std::atomic<int64_t> used{0};
    std::atomic<int64_t> steps{0};
  };

 private:
  explicit Autosizer(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::stress
