#include "harness/probe/spinner.h"

#include <algorithm>

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
      counters.lost_ns += lap.gap.count();
      int64_t longest = counters.longest_ns;
      while (lap.gap.count() > longest &&
             !counters.longest_ns.compare_exchange_weak(longest, lap.gap.count())) {
      }
    }
    counters.last_look_ns = lap.ended.count();
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
        counters.last_look_ns = MonotonicClock().Now().count();
        ready.Notify();
        return Spin(counters, shortest);
      }));
  return Spinner(std::move(worker), shortest);
}

// The gap that lasts now, by the time since it looked last; 0 when that is no gap yet.
Nanoseconds Spinner::Open() const {
  const Nanoseconds since =
      MonotonicClock().Now() - Nanoseconds(worker_.counters().last_look_ns) - kLap;
  return since >= shortest_ ? since : Nanoseconds(0);
}

Nanoseconds Spinner::Lost() const { return Nanoseconds(worker_.counters().lost_ns) + Open(); }

Nanoseconds Spinner::TakeLongest() {
  return std::max(Nanoseconds(worker_.counters().longest_ns.exchange(0)), Open());
}

}  // namespace nodeproof::probe
