#include "harness/probe/quota_runs.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "harness/probe/refill_phase.h"
#include "harness/probe/uncharged.h"

namespace nodeproof::probe {
namespace {

using Run = QuotaRuns::Run;

Run RunUntilThrottled(const QuotaRunsOptions& options) {
  const Clock& clock = MonotonicClock();
  Uncharged uncharged;
  Run run;
  for (;;) {
    const Uncharged::Lap lap = uncharged.Next();
    run.charged += lap.charged;
    run.last_lap = lap.charged;
    run.longest_lap = std::max(run.longest_lap, lap.charged);
    run.ended = lap.ended;
    if (lap.gap >= options.throttled) {
      run.throttled = lap.gap;
      return run;
    }
    run.lost += lap.gap;
    if (run.charged >= options.most) return run;
    while (clock.Now() < lap.ended + options.lap) {
    }
  }
}

int RunCycles(QuotaRuns::Counters& counters, const cgroup::ReadySignal& ready,
              const QuotaRunsOptions& options) {
  const Clock& clock = MonotonicClock();
  bool clean_before = false;
  RefillPhase refills(options.period);
  std::optional<Nanoseconds> charged;  // in a run that counts if the next one begins in time too
  ready.Notify();
  Nanoseconds start = RunUntilThrottled(options).ended + options.rest;
  for (uint64_t number = 1;; ++number) {
    refills.Add(start);
    const bool in_time = refills.InTime(start);
    // Otherwise it was not throttled until a refill, but kept from its CPU by others.
    if (charged && in_time) {
      counters.clean_charged_ns += charged->count();
      ++counters.clean_runs;
    }
    charged.reset();
    clock.WaitUntil(start);
    const Nanoseconds late = clock.Now() - start;
    Run first = RunUntilThrottled(options);
    first.late = late;
    const Run second = options.runs > 1 ? RunUntilThrottled(options) : Run{};
    const Run& last = options.runs > 1 ? second : first;
    if (first.Steady(options.lap) && clean_before && in_time && first.lost < 5 * options.lap) {
      charged = first.charged;
    }
    if (first.throttled.count() > 0) counters.stalls.Add(first.throttled);
    clean_before = last.Clean(options.lap);
    ++counters.version;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    counters.cycle = {number, first, second};
    std::atomic_thread_fence(std::memory_order_seq_cst);
    ++counters.version;
    start = last.ended + options.rest;
  }
}

}  // namespace

Result<QuotaRuns> QuotaRuns::Start(const QuotaRunsOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return RunCycles(counters, ready, options);
      }));
  return QuotaRuns(std::move(worker), options.lap);
}

Result<QuotaRuns::Cycle> QuotaRuns::AwaitCycle(uint64_t number, Seconds timeout) {
  const Counters& counters = worker_.counters();
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  for (;;) {
    const uint64_t before = counters.version;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const Cycle cycle = counters.cycle;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (before % 2 == 0 && counters.version == before && cycle.number > number) return cycle;
    if (!TRY(worker_.process().Running())) return Fail("{} has ended", worker_.name());
    if (clock.Now() > deadline) {
      return std::unexpected(Error{
          fmt::format("no cycle of {} ended within {}", worker_.name(), FormatDuration(timeout)),
          "", ETIMEDOUT});
    }
    clock.WaitUntil(clock.Now() + Milliseconds(1));
  }
}

}  // namespace nodeproof::probe
