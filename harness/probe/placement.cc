#include "harness/probe/placement.h"

#include <sched.h>

#include <algorithm>

namespace nodeproof::probe {

Result<Placement> Placement::Start(const PlacementOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [](Counters& counters, const cgroup::ReadySignal& ready) -> int {
        ready.Notify();
        for (;;) {
          const auto cpu = static_cast<size_t>(std::clamp(::sched_getcpu(), 0, kMostCpus - 1));
          counters.seen[cpu].fetch_add(1, std::memory_order_relaxed);
        }
      }));
  return Placement(std::move(worker));
}

std::map<int, uint64_t> Placement::Seen() const {
  std::map<int, uint64_t> seen;
  for (int cpu = 0; cpu < kMostCpus; ++cpu) {
    const uint64_t count = worker_.counters().seen[static_cast<size_t>(cpu)];
    if (count > 0) seen[cpu] = count;
  }
  return seen;
}

}  // namespace nodeproof::probe
