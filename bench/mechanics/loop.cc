#include "bench/mechanics/loop.h"

#include <cstring>

#include "harness/base/clock.h"

namespace nodeproof::bench {
namespace {

int Fail(Loop::Counters& counters, const Error& error) {
  std::strncpy(counters.error, error.ToString().c_str(), sizeof counters.error - 1);
  counters.unsupported = error.unsupported;
  return 1;
}

int RunLoop(const MakeOperation& make, Loop::Counters& counters, const cgroup::ReadySignal& ready) {
  const Result<Operation> operation = make();
  if (!operation) return Fail(counters, operation.error());
  for (bool first = true;; first = false) {
    const Result<Nanoseconds> took = (*operation)();
    if (!took) return Fail(counters, took.error());
    if (first) {
      ready.Notify();
      continue;
    }
    counters.latencies.Add(*took);
    counters.done.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

Operation Timed(std::function<Status()> once) {
  return [once = std::move(once)]() -> Result<Nanoseconds> {
    const Nanoseconds before = MonotonicClock().Now();
    TRY(once());
    return MonotonicClock().Now() - before;
  };
}

Result<Loop> Loop::Start(const LoopOptions& options, const MakeOperation& make) {
  return Loop(TRY(
      cgroup::Worker<Counters>::Start({.name = options.name,
                                       .group = options.group,
                                       .oom_score_adj = options.oom_score_adj,
                                       .affinity = options.affinity},
                                      [make](Counters& counters, const cgroup::ReadySignal& ready) {
                                        return RunLoop(make, counters, ready);
                                      })));
}

Status Loop::AwaitReady(Seconds timeout) {
  const Status ready = worker_.AwaitReady(timeout);
  if (ready) return {};
  TRY(Check());
  return ready;
}

Status Loop::Check() {
  const Counters& counters = worker_.counters();
  if (TRY(Running())) return {};
  if (counters.error[0] != '\0') {
    return std::unexpected(Error{counters.error, "", 0, counters.unsupported});
  }
  const cgroup::Exit exit = TRY(worker_.process().Wait(Seconds(1)));
  return nodeproof::Fail("{} ended: {}", worker_.name(), exit.ToString());
}

}  // namespace nodeproof::bench
