#include "harness/stress/autosizer.h"

#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::stress {
namespace {

constexpr int kExitKnobFailed = 115;

struct Step {
  double pressure = 0;
  Bytes used{0};
};

// What one step showed of the group.
Result<Step> TakeStep(const AutosizerOptions& options) {
  const Clock& clock = MonotonicClock();
  const auto before = TRY(cgroup::ReadPressure(*options.controlled, "memory.pressure"));
  const Nanoseconds begun = clock.Now();
  const int64_t work = options.work();
  while (options.work() < work + options.work_a_step) {
    clock.WaitUntil(clock.Now() + Milliseconds(5));
  }
  const Seconds took = clock.Now() - begun;
  const auto after = TRY(cgroup::ReadPressure(*options.controlled, "memory.pressure"));
  return Step{Seconds(after.some_total - before.some_total) / took,
              Bytes{TRY(cgroup::ReadNumber(*options.controlled, "memory.current"))}};
}

Status Control(const AutosizerOptions& options, Autosizer::Counters& counters) {
  Bytes limit{TRY(cgroup::ReadNumber(*options.controlled, "memory.current"))};
  for (int backoffs = 0; backoffs < options.backoffs;) {
    TRY(options.controlled->Write("memory.high", fmt::format("{}", limit.value)));
    const Step step = TRY(TakeStep(options));
    ++counters.steps;
    if (step.pressure > options.law.target) {
      ++backoffs;
    } else if (counters.found == 0 || limit.value < counters.found) {
      counters.found = limit.value;
      counters.used = step.used.value;
    }
    limit = options.law.Next(limit, step.pressure);
  }
  return {};
}

}  // namespace

Bytes AutosizeLaw::Next(Bytes limit, double pressure) const {
  const double factor = pressure > target ? 1 + backoff : 1 - probe;
  return Bytes{static_cast<int64_t>(static_cast<double>(limit.value) * factor)};
}

Result<Autosizer> Autosizer::Start(const AutosizerOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        if (!Control(options, counters)) return kExitKnobFailed;
        ready.Notify();
        for (;;) ::pause();
      }));
  return Autosizer(std::move(worker));
}

}  // namespace nodeproof::stress
