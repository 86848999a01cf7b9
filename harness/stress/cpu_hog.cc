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

// CPU time as it is used, never faster than time passes: what a kernel charges beyond that was not
// used, and must not excuse anything. A charge that shows before its time (the CPU was held up
// between the two clocks) is counted in the next lap.
class CpuMeter {
 public:
  Nanoseconds Lap() {
    const Nanoseconds now = MonotonicClock().Now();
    const Nanoseconds passed = now - std::exchange(time_, now);
    const Nanoseconds lap = std::min(passed, OwnCpuTime() - charged_at_start_ - used_);
    used_ += lap;
    return lap;
  }

 private:
  Nanoseconds time_ = MonotonicClock().Now();
  Nanoseconds charged_at_start_ = OwnCpuTime();
  Nanoseconds used_{0};
};

// Remembers (time, CPU time) pairs of the last stretch and finds the most that a stretch held.
class PeakMeter {
 public:
  explicit PeakMeter(Nanoseconds stretch) : stretch_(stretch) {}

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
  CpuMeter meter;
  Nanoseconds typical{0};  // a moving average of the rounds in which nothing happened
  for (uint64_t state = 1;;) {
    state = DoRound(state);
    counters.rounds.fetch_add(1, std::memory_order_relaxed);
    const Nanoseconds round = meter.Lap();
    if (typical.count() == 0) typical = round;
    if (round > 2 * typical + kInterrupt) {
      counters.held_up_ns += (round - typical).count();
    } else {
      typical += (round - typical) / 16;
    }
  }
}

int BurnPart(CpuHog::Counters& counters, double duty, Nanoseconds stretch) {
  constexpr Nanoseconds kPhase = Milliseconds(2);
  const auto most = static_cast<int64_t>(static_cast<double>(stretch.count()) * duty);
  const Clock& clock = MonotonicClock();
  CpuMeter meter;
  PeakMeter peak(stretch);
  Nanoseconds start = clock.Now();
  Nanoseconds used{0};           // since the process began
  Nanoseconds used_at_start{0};  // when `start` was
  for (uint64_t state = 1;;) {
    used += meter.Lap();
    const Nanoseconds now = clock.Now();
    const int64_t held = peak.Mark(now, used).count();
    if (held > counters.peak_ns) counters.peak_ns = held;
    // When the time used so far has been earned at `duty`.
    const auto earned = start + Nanoseconds(static_cast<int64_t>(
                                    static_cast<double>((used - used_at_start).count()) / duty));
    if (earned > now) {
      clock.WaitUntil(earned + kPhase);
      continue;
    }
    if (held >= most) {  // catching up, but the stretch is full
      clock.WaitUntil(now + kPhase);
      continue;
    }
    if (now - earned > stretch / 4) {  // held up for long: what was missed is let go
      start = now - kPhase;
      used_at_start = used;
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
        if (options.gate != nullptr) options.gate->Await();
        return options.duty < 1 ? BurnPart(counters, options.duty, options.meter)
                                : BurnAll(counters);
      }));
  return CpuHog(std::move(worker));
}

}  // namespace nodeproof::stress
