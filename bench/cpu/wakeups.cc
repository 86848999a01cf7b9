// How late a sleeper wakes, alone and beside others, how long a throttled group stands still, and
// what a CPU that should be idle does besides.
#include <algorithm>
#include <optional>

#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/cpu/cpu_benches.h"
#include "harness/base/clock.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/uncharged.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::bench {
namespace {

constexpr Nanoseconds kInterval = Milliseconds(1);
constexpr int kWakeups = 200;  // of a repetition

enum class Neighbour { kNone, kSameGroup, kSiblingGroup };

struct WakeupCase {
  const char* id;
  const char* what;
  Neighbour neighbour = Neighbour::kNone;
  Nanoseconds work{0};  // CPU time after each wake-up
  Place place = {};
};

// A hog beside the sleeper; its group goes after it.
struct Beside {
  std::optional<Nest> group;
  std::optional<stress::CpuHog> hog;
};

Result<Beside> StartNeighbour(const Context& context, Neighbour neighbour) {
  Beside beside;
  if (neighbour == Neighbour::kNone) return beside;
  if (neighbour == Neighbour::kSiblingGroup) {
    beside.group.emplace(TRY(Nest::Make(*context.environment().capsule, "neighbour", 1, {"cpu"},
                                        {{"cpu.weight", "1"}})));
  }
  beside.hog.emplace(
      TRY(stress::CpuHog::Start({.group = beside.group ? &beside.group->leaf() : nullptr,
                                 .affinity = CpuSet{context.QuietCpu()}})));
  TRY(beside.hog->AwaitReady(Seconds(10)));
  return beside;
}

void Work(Nanoseconds amount) {
  const Nanoseconds until = probe::ChargedTime() + amount;
  while (amount.count() > 0 && probe::ChargedTime() < until) {
  }
}

Status MeasureWakeups(const WakeupCase& wakeup, Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Beside* beside =
      TRY(context.Keep<Beside>([&] { return StartNeighbour(context, wakeup.neighbour); }));
  const uint64_t hog_before = beside->hog ? beside->hog->Work() : 0;
  const Clock& clock = MonotonicClock();
  Nanoseconds due = clock.Now() + kInterval;
  for (auto _ : state) {
    clock.WaitUntil(due);
    const Nanoseconds late = clock.Now() - due;
    state.SetIterationTime(Seconds(late).count());
    context.Latency(late);
    Work(wakeup.work);
    due = std::max(due + kInterval, clock.Now() + kInterval / 2);
  }
  if (beside->hog && beside->hog->Work() == hog_before) return Fail("the hog did no work");
  return {};
}

const WakeupCase kWakeupCases[] = {
    {"cpu.wakeup.idle", "Lateness of a timed wake-up on an idle CPU."},
    {"cpu.wakeup.beside-hog", "Lateness of a timed wake-up beside a busy loop in the same group.",
     Neighbour::kSameGroup},
    {"cpu.wakeup.beside-group",
     "Lateness of a timed wake-up in a group of weight 10000 beside a busy loop in one of weight "
     "1.",
     Neighbour::kSiblingGroup,
     Nanoseconds(0),
     {1, {"cpu"}, {{"cpu.weight", "10000"}}}},
    {"cpu.wakeup.under-quota",
     "Lateness of a timed wake-up that does 50 us of work, in a group with a quota of 20 %.",
     Neighbour::kNone,
     Microseconds(50),
     {1, {"cpu"}, {{"cpu.max", "20000 100000"}}}},
    {"cpu.wakeup.depth-6",
     "Lateness of a timed wake-up six groups deep, each with a weight.",
     Neighbour::kNone,
     Nanoseconds(0),
     {6, {"cpu"}, {}}},
};

// A spinner with a quota of 20 % stands still for up to 80 ms of every period. What the group's
// cpu.stat does not count was no throttling: a host that took the CPU away.
Status MeasureStalls(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Clock& clock = MonotonicClock();
  int64_t throttled = TRY(cgroup::ReadCpuStat(context.group())).nr_throttled;
  for (auto _ : state) {
    Nanoseconds stall{0};
    Nanoseconds last = clock.Now();
    const Nanoseconds deadline = last + std::chrono::seconds(2);
    for (;;) {
      const Nanoseconds now = clock.Now();
      stall = now - std::exchange(last, now);
      if (now > deadline) return Fail("a group with a quota of 20 % was not throttled for 2 s");
      if (stall < Milliseconds(20)) continue;
      const int64_t before = throttled;
      throttled = TRY(cgroup::ReadCpuStat(context.group())).nr_throttled;
      if (throttled > before) break;
    }
    state.SetIterationTime(Seconds(stall).count());
    context.Latency(stall);
  }
  return {};
}

// As oslat(8): gaps in a loop that does nothing but look at the clock. What counts as a gap is ten
// times the shortest loop seen, and a microsecond at the least.
Status MeasureNoise(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Clock& clock = MonotonicClock();
  Nanoseconds shortest = Milliseconds(1);
  for (int i = 0; i < 1000; ++i) {
    const Nanoseconds before = clock.Now();
    shortest = std::min(shortest, clock.Now() - before);
  }
  const Nanoseconds threshold = std::max<Nanoseconds>(Microseconds(1), 10 * shortest);
  constexpr Nanoseconds kStretch = Milliseconds(200);
  Nanoseconds lost{0};
  Nanoseconds watched{0};
  int64_t gaps = 0;
  for (auto _ : state) {
    const Nanoseconds start = clock.Now();
    Nanoseconds last = start;
    Nanoseconds longest{0};
    while (last - start < kStretch) {
      const Nanoseconds now = clock.Now();
      const Nanoseconds gap = now - std::exchange(last, now);
      if (gap < threshold) continue;
      context.Latency(gap);
      lost += gap;
      ++gaps;
      longest = std::max(longest, gap);
    }
    watched += last - start;
    state.SetIterationTime(Seconds(longest).count());
  }
  context.Report({"lost", "ratio", Better::kLower, Seconds(lost) / Seconds(watched)});
  context.Report(
      {"gaps", "1/s", Better::kLower, static_cast<double>(gaps) / Seconds(watched).count()});
  return {};
}

}  // namespace

void AddWakeups(Registry& registry) {
  for (const WakeupCase& wakeup : kWakeupCases) {
    registry.Add({.id = wakeup.id,
                  .what = wakeup.what,
                  .needs = {.cgroups = wakeup.neighbour == Neighbour::kSiblingGroup},
                  .place = wakeup.place,
                  .unit = benchmark::kMicrosecond,
                  .manual_time = true,
                  .iterations = kWakeups,
                  .run = [&wakeup](Context& context, benchmark::State& state) {
                    return MeasureWakeups(wakeup, context, state);
                  }});
  }
  registry.Add({.id = "cpu.throttle.stall",
                .what = "How long a busy loop stands still when its quota of 20 ms in 100 is used.",
                .place = {1, {"cpu"}, {{"cpu.max", "20000 100000"}}},
                .unit = benchmark::kMillisecond,
                .manual_time = true,
                .iterations = 4,
                .run = MeasureStalls});
  registry.Add({.id = "cpu.noise.gaps",
                .what = "Longest gap that a busy loop sees on its CPU in 200 ms.",
                .unit = benchmark::kMicrosecond,
                .manual_time = true,
                .iterations = 1,
                .run = MeasureNoise});
}

}  // namespace nodeproof::bench
