#include "harness/probe/spinner.h"

#include "harness/probe/uncharged.h"

namespace nodeproof::probe {
namespace {

constexpr Nanoseconds kLap = Microseconds(500);

int Spin(Spinner::Counters& counters, Nanoseconds shortest) {
  const Clock& clock = MonotonicClock();
  Uncharged uncharged;
  for (;;) {
    const Uncharged::Lap lap = uncharged.Next();
    if (lap.gap >= shortest) {
      counters.gaps.Add(lap.gap);
      int64_t longest = counters.longest_ns;
      while (lap.gap.count() > longest &&
             !counters.longest_ns.compare_exchange_weak(longest, lap.gap.count())) {
      }
    }
    ++counters.looks;
    while (clock.Now() < lap.ended + kLap) {
    }
  }
}

}  // namespace

Result<Spinner> Spinner::Start(const SpinnerOptions& options) {
  const Nanoseconds shortest = options.shortest;
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [shortest](Counters& counters, const cgroup::ReadySignal& ready) {
        ready.Notify();
        return Spin(counters, shortest);
      }));
  return Spinner(std::move(worker));
}

}  // namespace nodeproof::probe
