#include "harness/probe/waker.h"

#include <sys/prctl.h>

#include <cerrno>

#include "harness/probe/uncharged.h"

namespace nodeproof::probe {
namespace {

int Serve(Waker::Counters& counters, const cgroup::ReadySignal& ready, Nanoseconds interval,
          Nanoseconds work) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // its wake-ups are not put together with others (50 us)
  const Clock& clock = MonotonicClock();
  Nanoseconds due = clock.Now();
  counters.due_ns = due.count();
  ready.Notify();
  for (;; due += interval) {
    if (const uint64_t asked = counters.asked; asked != counters.begun) {
      counters.lateness.Reset();
      due = clock.Now() + interval;
      counters.due_ns = due.count();
      counters.begun = asked;
    }
    clock.WaitUntil(due);
    counters.lateness.Add(clock.Now() - due);
    counters.due_ns = (due + interval).count();
    for (const Nanoseconds done = ChargedTime() + work; ChargedTime() < done;) {
    }
  }
}

}  // namespace

Result<Waker> Waker::Start(const WakerOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return Serve(counters, ready, options.interval, options.work);
      }));
  return Waker(std::move(worker), options.interval);
}

void Waker::AddWaiting(measure::Histogram& lateness) const {
  const Nanoseconds now = MonotonicClock().Now();
  for (Nanoseconds due(worker_.counters().due_ns.load()); due < now; due += interval_) {
    lateness.Add(now - due);
  }
}

Status Waker::StartAnew(Seconds timeout) {
  Counters& counters = worker_.counters();
  const uint64_t asked = ++counters.asked;
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  while (counters.begun != asked) {
    if (!TRY(worker_.process().Running())) return Fail("{} has ended", worker_.name());
    if (clock.Now() > deadline) {
      return std::unexpected(Error{
          fmt::format("{} did not start anew within {}", worker_.name(), FormatDuration(timeout)),
          "", ETIMEDOUT});
    }
    clock.WaitUntil(clock.Now() + Milliseconds(1));
  }
  return {};
}

}  // namespace nodeproof::probe
