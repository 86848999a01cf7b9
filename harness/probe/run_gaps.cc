#include "harness/probe/run_gaps.h"

#include <algorithm>

namespace nodeproof::probe {

Result<RunGaps> RunGaps::Start(const RunGapsOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [](Counters& counters, const cgroup::ReadySignal& ready) -> int {
        const Clock& clock = MonotonicClock();
        int64_t last = clock.Now().count();
        counters.last_look_ns = last;
        ready.Notify();
        for (;;) {
          const int64_t now = clock.Now().count();
          counters.last_look_ns.store(now, std::memory_order_relaxed);
          counters.looks.fetch_add(1, std::memory_order_relaxed);
          int64_t longest = counters.longest_ns;
          while (now - last > longest &&
                 !counters.longest_ns.compare_exchange_weak(longest, now - last)) {
          }
          last = now;
        }
      }));
  return RunGaps(std::move(worker));
}

Nanoseconds RunGaps::TakeLongest() {
  Counters& counters = worker_.counters();
  const int64_t waits_now = MonotonicClock().Now().count() - counters.last_look_ns;
  return Nanoseconds(std::max(counters.longest_ns.exchange(0), waits_now));
}

}  // namespace nodeproof::probe
