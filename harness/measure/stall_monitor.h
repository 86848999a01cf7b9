// Independent evidence that the node itself stood still: a thread on each CPU, at real-time
// priority, wakes at a fixed rate and records how late it was. Under a hypervisor that takes the
// CPU away (the guest of a TCG or an overloaded host sees no steal time), these threads are late
// together with everything else; no cgroup setting can make them late, because they stand outside
// the capsule and above every normal task.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "harness/base/clock.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::measure {

class StallMonitor {
 public:
  // Starts a thread on each of `cpus`, waking every `period`. Real-time priority needs
  // CAP_SYS_NICE; without it the monitor is an error, because a late thread would prove nothing.
  static Result<std::unique_ptr<StallMonitor>> Start(const CpuSet& cpus, Nanoseconds period);
  ~StallMonitor();

  // The worst lateness of any thread since the last call, that of a thread still due included.
  Nanoseconds TakeWorst();

 private:
  explicit StallMonitor(Nanoseconds period) : period_(period) {}
  void Watch(int cpu, std::atomic<int64_t>& due_ns);

  Nanoseconds period_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> worst_ns_{0};
  std::unique_ptr<std::atomic<int64_t>[]> due_ns_;  // of each thread; INT64_MAX before its first
  std::atomic<int> setup_error_{0};
  std::atomic<int> ready_{0};
  std::vector<std::thread> threads_;
};

}  // namespace nodeproof::measure
