// What happens at memory.high and at memory.max.
#include <algorithm>

#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/memory/memory_benches.h"
#include "harness/base/clock.h"
#include "harness/stress/anon_hog.h"

namespace nodeproof::bench {
namespace {

constexpr Bytes kLimit = MiB(32);

// The group of a hog, without swap where there is any.
Result<Nest> HogGroup(const Context& context, const char* limit) {
  Nest nest = TRY(Nest::Make(*context.environment().capsule, "hog", 1, {"memory"},
                             {{limit, fmt::format("{}", kLimit.value)}}));
  if (nest.leaf().Has("memory.swap.max")) TRY(nest.leaf().Write("memory.swap.max", "0"));
  return nest;
}

// How fast a hog still grows once it is above memory.high.
Status MeasureHighGrowth(Context& context, benchmark::State& state) {
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nest nest = TRY(HogGroup(context, "memory.high"));
    stress::AnonHog hog = TRY(stress::AnonHog::Start({.group = &nest.leaf(), .target = MiB(256)}));
    const Nanoseconds deadline = clock.Now() + std::chrono::seconds(20);
    while (hog.Touched() < kLimit) {
      if (clock.Now() > deadline) return Fail("the hog did not reach memory.high in 20 s");
      clock.WaitUntil(clock.Now() + Milliseconds(1));
    }
    const Nanoseconds start = clock.Now();
    const Bytes at_start = hog.Touched();
    clock.WaitUntil(start + std::chrono::seconds(1));
    const Seconds took = clock.Now() - start;
    state.SetIterationTime(took.count());
    context.Report({"growth", "bytes/s", Better::kLower,
                    static_cast<double>((hog.Touched() - at_start).value) / took.count()});
  }
  return {};
}

// From the last page that the hog could touch to its death.
Status MeasureOomKill(Context& context, benchmark::State& state) {
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nest nest = TRY(HogGroup(context, "memory.max"));
    stress::AnonHog hog = TRY(
        stress::AnonHog::Start({.group = &nest.leaf(), .target = MiB(128), .oom_score_adj = 1000}));
    Bytes touched{0};
    Nanoseconds last_progress = clock.Now();
    const Nanoseconds deadline = last_progress + std::chrono::seconds(20);
    while (TRY(hog.Running())) {
      const Nanoseconds now = clock.Now();
      if (hog.Touched() != touched) last_progress = now;
      touched = hog.Touched();
      if (now > deadline) return Fail("the hog was not killed in 20 s");
    }
    const Nanoseconds took = clock.Now() - last_progress;
    const cgroup::Exit exit = TRY(hog.Wait(Seconds(1)));
    if (!exit.signaled) return Fail("the hog was not killed: {}", exit.ToString());
    context.Latency(took);
    state.SetIterationTime(Seconds(took).count());
  }
  return {};
}

}  // namespace

void AddLimits(Registry& registry) {
  registry.Add(
      {.id = "memory.high.growth",
       .what = "How fast a hog still grows above memory.high, over a second, without swap.",
       .needs = {.controllers = {"memory"}, .memory = MiB(320)},
       .unit = benchmark::kMillisecond,
       .manual_time = true,
       .iterations = 1,
       .budget = Seconds(120),
       .run = MeasureHighGrowth});
  registry.Add({.id = "memory.oom.kill",
                .what = "From the last page that a hog gets at memory.max to its death.",
                .needs = {.controllers = {"memory"}, .cpus = 2, .memory = MiB(192)},
                .unit = benchmark::kMicrosecond,
                .manual_time = true,
                .iterations = 4,
                .budget = Seconds(120),
                .run = MeasureOomKill});
}

}  // namespace nodeproof::bench
