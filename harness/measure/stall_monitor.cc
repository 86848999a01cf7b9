#include "harness/measure/stall_monitor.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace nodeproof::measure {
namespace {

// 0, or the errno of the call that failed.
int BecomeRealTimeOn(int cpu) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(static_cast<size_t>(cpu), &mask);
  if (::sched_setaffinity(0, sizeof mask, &mask) != 0) return errno;
  const sched_param priority{.sched_priority = 50};
  if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) != 0) return errno;
  return 0;
}

}  // namespace

Result<std::unique_ptr<StallMonitor>> StallMonitor::Start(const CpuSet& cpus, Nanoseconds period) {
  std::unique_ptr<StallMonitor> monitor(new StallMonitor(period));
  monitor->due_ns_ = std::make_unique<std::atomic<int64_t>[]>(cpus.size());
  for (const int cpu : cpus) {
    std::atomic<int64_t>& due_ns = monitor->due_ns_[monitor->threads_.size()];
    due_ns = std::numeric_limits<int64_t>::max();
    monitor->threads_.emplace_back(
        [raw = monitor.get(), cpu, &due_ns] { raw->Watch(cpu, due_ns); });
  }
  const int expected = static_cast<int>(cpus.size());
  for (int ready = monitor->ready_; ready < expected; ready = monitor->ready_) {
    monitor->ready_.wait(ready);
  }
  if (const int code = monitor->setup_error_; code != 0) {
    return FailErrno(code, "start the stall monitor (real-time threads, one on each CPU)");
  }
  return monitor;
}

StallMonitor::~StallMonitor() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

Nanoseconds StallMonitor::TakeWorst() {
  int64_t worst = worst_ns_.exchange(0);
  const int64_t now = MonotonicClock().Now().count();
  for (size_t i = 0; i < threads_.size(); ++i) {
    const int64_t due = due_ns_[i];
    if (due < now) worst = std::max(worst, now - due);
  }
  return Nanoseconds(worst);
}

// Must not allocate: the agent forks (clone3) while these threads run, and a child could inherit
// malloc's lock.
void StallMonitor::Watch(int cpu, std::atomic<int64_t>& due_ns) {
  if (const int code = BecomeRealTimeOn(cpu); code != 0) setup_error_ = code;
  ++ready_;
  ready_.notify_one();
  const Clock& clock = MonotonicClock();
  Nanoseconds due = clock.Now() + period_;
  while (!stop_) {
    due_ns = due.count();
    clock.WaitUntil(due);
    const int64_t late = (clock.Now() - due).count();
    int64_t worst = worst_ns_;
    while (late > worst && !worst_ns_.compare_exchange_weak(worst, late)) {
    }
    // After a stall the next wake-up is counted from now: one stall is reported once.
    due = std::max(due, clock.Now() - period_) + period_;
  }
}

}  // namespace nodeproof::measure
