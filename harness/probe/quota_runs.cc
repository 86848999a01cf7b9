#include "harness/probe/quota_runs.h"

#include <cerrno>

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
  ready.Notify();
  Nanoseconds start = RunUntilThrottled(options).ended + options.rest;
  for (uint64_t number = 1;; ++number) {
    clock.WaitUntil(start);
    const Nanoseconds late = clock.Now() - start;
    Run first = RunUntilThrottled(options);
    first.late = late;
    const Run second = options.runs > 1 ? RunUntilThrottled(options) : Run{};
    const Run& last = options.runs > 1 ? second : first;
    if (first.Clean(options.lap) && clean_before && first.lost < 5 * options.lap) {
      counters.clean_charged_ns += first.charged.count();
      ++counters.clean_runs;
    }
    if (first.throttled.count() > 0) counters.stalls.Add(first.throttled);
    clean_before = last.Clean(options.lap) &&
                   (options.longest_stall.count() == 0 || last.throttled <= options.longest_stall);
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
