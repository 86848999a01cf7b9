#include "harness/probe/forker.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/clock.h"

namespace nodeproof::probe {
namespace {

[[noreturn]] void Serve(Forker::Counters& counters, const cgroup::ReadySignal& ready,
                        Nanoseconds interval) {
  const Clock& clock = MonotonicClock();
  for (;;) {
    if (const uint64_t asked = counters.asked; asked != counters.begun) {
      counters.forks = 0;
      counters.failures = 0;
      counters.latency.Reset();
      counters.begun = asked;
    }
    const Nanoseconds begun = clock.Now();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    if (child > 0) {
      while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
      }
      counters.latency.Add(clock.Now() - begun);
    } else {
      counters.last_error = errno;
      counters.failures.fetch_add(1);
    }
    counters.forks.fetch_add(1);
    ready.Notify();
    clock.WaitUntil(clock.Now() + interval);
  }
}

}  // namespace

Result<Forker> Forker::Start(const ForkerOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) -> int {
        Serve(counters, ready, options.interval);
      }));
  return Forker(std::move(worker));
}

Status Forker::StartAnew(Seconds timeout) {
  const uint64_t asked = ++worker_.counters().asked;
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  while (worker_.counters().begun != asked) {
    if (!TRY(worker_.process().Running())) return Fail("{} has ended", worker_.name());
    if (clock.Now() > deadline) {
      return std::unexpected(
          Error{fmt::format("{} made no fork within {}", worker_.name(), FormatDuration(timeout)),
                "", ETIMEDOUT});
    }
    clock.WaitUntil(clock.Now() + Milliseconds(1));
  }
  return {};
}

}  // namespace nodeproof::probe
