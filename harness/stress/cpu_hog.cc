#include "harness/stress/cpu_hog.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "harness/base/clock.h"

namespace nodeproof::stress {
namespace {

// About 20 us of a current CPU, 200 us under TCG: short against a tick, long against the cost of
// counting it.
constexpr int kStepsPerRound = 20'000;

// A dependent chain that no compiler folds: its result is the next round's start.
uint64_t DoRound(uint64_t state) {
  for (int i = 0; i < kStepsPerRound; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(state));
  }
  return state;
}

Nanoseconds OwnCpuTime() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + Nanoseconds(used.tv_nsec);
}

// Remembers (time, CPU time) pairs of the last stretch and finds the most that a stretch held.
class PeakMeter {
 public:
  PeakMeter(Nanoseconds stretch, Nanoseconds used) : stretch_(stretch) { marks_.fill({{}, used}); }

  // The most CPU time that a stretch which ends now can have held. What was used since the last
  // call is taken to have been used right after it: the process may have stood still since
  // (throttled, say), but not before.
  Nanoseconds Mark(Nanoseconds now, Nanoseconds used) {
    const Nanoseconds from = std::exchange(last_call_, now) - stretch_;
    if (now - latest_ >= stretch_ / 200) {
      marks_[next_] = {now, used};
      latest_ = now;
      next_ = (next_ + 1) % marks_.size();
    }
    // The latest mark before the stretch: up to one mark's spacing too early, never too late.
    Nanoseconds at_start{0};
    for (const Point& mark : marks_) {
      if (mark.time <= from) at_start = std::max(at_start, mark.used);
    }
    return used - at_start;
  }

 private:
  struct Point {
    Nanoseconds time{0};
    Nanoseconds used{0};
  };
  Nanoseconds stretch_;
  Nanoseconds last_call_{0};
  Nanoseconds latest_{0};
  std::array<Point, 256> marks_{};  // one every 1/200 of the stretch
  size_t next_ = 0;
};

int BurnAll(CpuHog::Counters& counters) {
  // An interrupt and its softirqs may take this much of a round without the CPU standing still.
  constexpr Nanoseconds kInterrupt = Microseconds(100);
  Nanoseconds quickest = Nanoseconds::max();
  Nanoseconds used = OwnCpuTime();
  for (uint64_t state = 1;;) {
    state = DoRound(state);
    counters.rounds.fetch_add(1, std::memory_order_relaxed);
    const Nanoseconds before = std::exchange(used, OwnCpuTime());
    const Nanoseconds round = used - before;
    quickest = std::min(quickest, round);
    if (round > 2 * quickest + kInterrupt) counters.held_up_ns += (round - quickest).count();
  }
}

int BurnPart(CpuHog::Counters& counters, double duty, Nanoseconds meter) {
  constexpr Nanoseconds kPhase = Milliseconds(2);
  const Clock& clock = MonotonicClock();
  const auto most = static_cast<int64_t>(static_cast<double>(meter.count()) * duty);
  Nanoseconds start = clock.Now();
  Nanoseconds used_at_start = OwnCpuTime();
  PeakMeter peak(meter, used_at_start);
  uint64_t state = 1;
  for (;;) {
    const Nanoseconds now = clock.Now();
    const Nanoseconds used = OwnCpuTime() - used_at_start;
    const int64_t held = peak.Mark(now, used_at_start + used).count();
    if (held > counters.peak_ns) counters.peak_ns = held;
    // When the time used so far has been earned at `duty`.
    const auto earned =
        start + Nanoseconds(static_cast<int64_t>(static_cast<double>(used.count()) / duty));
    if (earned > now) {
      clock.WaitUntil(earned + kPhase);
      continue;
    }
    if (held >= most) {  // catching up, but the stretch is full
      clock.WaitUntil(now + kPhase);
      continue;
    }
    if (now - earned > meter / 4) {  // held up for long: what was missed is let go
      start = now - kPhase;
      used_at_start += used;
    }
    state = DoRound(state);
    counters.rounds.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

Result<CpuHog> CpuHog::Start(const CpuHogOptions& options) {
  if (!(options.duty > 0) || options.duty > 1) {
    return Fail("duty {} of {} is not in (0, 1]", options.duty, options.name);
  }
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        ready.Notify();
        return options.duty < 1 ? BurnPart(counters, options.duty, options.meter)
                                : BurnAll(counters);
      }));
  return CpuHog(std::move(worker));
}

}  // namespace nodeproof::stress
