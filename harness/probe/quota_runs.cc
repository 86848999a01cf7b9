#include "harness/probe/quota_runs.h"

#include "harness/probe/uncharged.h"

namespace nodeproof::probe {
namespace {

// Longer than what interrupts and real-time threads take from a run at a time, shorter than any
// throttled stretch that a claim makes.
constexpr Nanoseconds kThrottled = Milliseconds(5);
constexpr Nanoseconds kLap = Microseconds(500);

struct Run {
  Nanoseconds charged{0};
  Nanoseconds throttled{0};
  Nanoseconds ended{0};  // when it could run again
};

Run RunUntilThrottled(Nanoseconds most) {
  const Clock& clock = MonotonicClock();
  Uncharged uncharged;
  Run run;
  for (;;) {
    const Uncharged::Lap lap = uncharged.Next();
    run.charged += lap.charged;
    run.ended = lap.ended;
    if (lap.gap >= kThrottled) run.throttled = lap.gap;
    if (lap.gap >= kThrottled || run.charged >= most) return run;
    while (clock.Now() < lap.ended + kLap) {
    }
  }
}

int RunCycles(QuotaRuns::Counters& counters, const cgroup::ReadySignal& ready, Nanoseconds rest,
              int runs, Nanoseconds most) {
  for (bool aligned = false;; aligned = true) {
    const Run first = RunUntilThrottled(most);
    const Run second = runs > 1 ? RunUntilThrottled(most) : Run{};
    if (aligned) {
      ++counters.version;
      ++counters.cycles;
      counters.first_runs_ns += first.charged.count();
      counters.second_runs_ns += second.charged.count();
      counters.throttled_ns += (first.throttled + second.throttled).count();
      ++counters.version;
    } else {
      ready.Notify();
    }
    MonotonicClock().WaitUntil((runs > 1 ? second : first).ended + rest);
  }
}

}  // namespace

Result<QuotaRuns> QuotaRuns::Start(const QuotaRunsOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return RunCycles(counters, ready, options.rest, options.runs, options.most);
      }));
  return QuotaRuns(std::move(worker));
}

QuotaRuns::Totals QuotaRuns::Read() const {
  const Counters& counters = worker_.counters();
  for (;;) {
    const uint64_t before = counters.version;
    const Totals totals{counters.cycles, Nanoseconds(counters.first_runs_ns),
                        Nanoseconds(counters.second_runs_ns), Nanoseconds(counters.throttled_ns)};
    if (before % 2 == 0 && counters.version == before) return totals;
    MonotonicClock().WaitUntil(MonotonicClock().Now() + Microseconds(100));
  }
}

}  // namespace nodeproof::probe
