// A process that uses CPU time, all it can get or a fixed part, and counts the work it did.
#pragma once

#include <atomic>
#include <csignal>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

struct CpuHogOptions {
  std::string name = "cpu-hog";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};  // empty: as the cgroup allows
  // The part of one CPU to use, in (0, 1]. Below 1 the hog meters its own CPU time (as the kernel
  // charges it) and sleeps whenever it is ahead, in phases of about 2 ms. Having been held up it
  // catches up, but no stretch of `meter` gets more than duty x meter.
  double duty = 1;
  Nanoseconds meter = Milliseconds(100);
  // When given, a hog that is ready waits here before it uses any CPU; it must outlive Start.
  const cgroup::StartGate* gate = nullptr;
};

class CpuHog {
 public:
  static Result<CpuHog> Start(const CpuHogOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // Rounds of a fixed computation done so far: work, where CPU time may hide a stolen CPU.
  uint64_t Work() const { return worker_.counters().rounds; }
  // CPU time that the hog was charged while the CPU stood still under it: what rounds took beyond
  // the typical one, of those that took more than twice as long (duty 1 only). A hypervisor that
  // takes the CPU away in the middle of a round shows here.
  Nanoseconds HeldUp() const { return Nanoseconds(worker_.counters().held_up_ns); }
  // The most CPU time that any stretch of `meter` held since the last call (duty < 1 only).
  Nanoseconds TakePeak() { return Nanoseconds(worker_.counters().peak_ns.exchange(0)); }
  // What the kernel has charged it; an error once it has ended.
  Result<Nanoseconds> CpuTime() { return worker_.process().CpuTime(); }
  const std::string& name() const { return worker_.name(); }
  pid_t pid() { return worker_.process().pid(); }
  Result<bool> Running() { return worker_.process().Running(); }
  // Kills it without waiting for its end, as the destructor does: many hogs that share a CPU end
  // sooner when all of them are told first.
  void Stop() { (void)worker_.process().Signal(SIGKILL); }

  struct Counters {
    std::atomic<uint64_t> rounds{0};
    std::atomic<int64_t> held_up_ns{0};
    std::atomic<int64_t> peak_ns{0};
  };

 private:
  explicit CpuHog(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::stress
