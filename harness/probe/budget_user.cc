#include "harness/probe/budget_user.h"

#include <algorithm>

#include "harness/probe/uncharged.h"

namespace nodeproof::probe {
namespace {

constexpr Nanoseconds kLap = Microseconds(250);

// Runs until it is thrown off for most of the time that a spent quota leaves of a period, and tells
// when it could go on: a refill, or somewhat later. Without a quota it gives up after two periods.
Nanoseconds FindRefill(Nanoseconds period, Nanoseconds quota) {
  const Clock& clock = MonotonicClock();
  Uncharged uncharged;
  const Nanoseconds deadline = clock.Now() + 2 * period;
  for (;;) {
    const Uncharged::Lap lap = uncharged.Next();
    if (lap.gap >= (period - quota) * 2 / 3 || lap.ended > deadline) return lap.ended;
    while (clock.Now() < lap.ended + kLap) {
    }
  }
}

int UseBudget(BudgetUser::Counters& counters, const cgroup::ReadySignal& ready,
              const BudgetUserOptions& options) {
  const Clock& clock = MonotonicClock();
  // It never goes on before a refill, but often after one: the earliest is the nearest.
  Nanoseconds refill = FindRefill(options.period, options.quota);
  for (int i = 0; i < 3; ++i) {
    const Nanoseconds again = FindRefill(options.period, options.quota);
    const auto periods = (again - refill + options.period / 2) / options.period;
    refill = std::min(refill + periods * options.period, again);
  }
  // What that used beyond the quota is repaid in the next period, which is left free.
  refill += 2 * options.period;
  counters.refill_ns = refill.count();
  Nanoseconds owed{0};
  for (bool told = false;; refill += options.period) {
    clock.WaitUntil(refill + options.gap);
    if (!told) ready.Notify();
    told = true;
    Uncharged uncharged;
    Nanoseconds used{0};
    const Nanoseconds deadline = refill + options.period - options.gap / 2;
    while (used + owed < options.use) {
      const Uncharged::Lap lap = uncharged.Next();
      used += lap.charged;
      if (lap.ended >= deadline) break;
      while (clock.Now() < lap.ended + kLap) {
      }
    }
    if (used + owed >= options.use) ++counters.periods;
    if ((used + owed).count() > counters.peak_ns) counters.peak_ns = (used + owed).count();
    counters.ended_ns = refill.count();
    owed = std::max(owed + used - options.quota, Nanoseconds(0));
    while (clock.Now() > refill + options.period + options.gap) refill += options.period;
  }
}

}  // namespace

Result<BudgetUser> BudgetUser::Start(const BudgetUserOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return UseBudget(counters, ready, options);
      }));
  return BudgetUser(std::move(worker));
}

}  // namespace nodeproof::probe
