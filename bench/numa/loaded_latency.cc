// Latency under load: a chase on one CPU, while all others stream with a delay injected between
// their blocks. The curve's knee is where latency begins to pay for bandwidth.
#include <algorithm>

#include "bench/core/context.h"
#include "bench/mechanics/chase.h"
#include "bench/mechanics/loop.h"
#include "bench/mechanics/stream.h"
#include "bench/numa/knee.h"
#include "bench/numa/numa_benches.h"
#include "harness/base/clock.h"

namespace nodeproof::bench {
namespace {

constexpr Bytes kBlock = KiB(256);  // streamed between two delays
constexpr Bytes kStreamed = MiB(64);
constexpr Nanoseconds kDelays[] = {Microseconds(1000), Microseconds(300), Microseconds(100),
                                   Microseconds(30),   Microseconds(10),  Nanoseconds(0)};

void Spin(Nanoseconds amount) {
  const Nanoseconds until = MonotonicClock().Now() + amount;
  while (amount.count() > 0 && MonotonicClock().Now() < until) {
  }
}

Result<Operation> MakeStreamer(Nanoseconds delay) {
  std::vector<Region> blocks;
  for (int64_t at = 0; at < kStreamed.value; at += kBlock.value) {
    blocks.push_back(TRY(Region::Map(kBlock, Pages::k4K)));
    blocks.back().Touch(KiB(4));
  }
  auto shared = std::make_shared<std::vector<Region>>(std::move(blocks));
  auto next = std::make_shared<size_t>(0);
  return Timed([shared, next, delay]() -> Status {
    StreamOnce((*shared)[(*next)++ % shared->size()], Stream::kRead);
    Spin(delay);
    return {};
  });
}

// Streamers on every CPU but the quiet one.
Result<std::vector<Loop>> StartStreamers(const Context& context, Nanoseconds delay) {
  std::vector<Loop> loops;
  for (const CpuPlace& place : context.topology().cpus) {
    if (place.cpu == context.QuietCpu()) continue;
    loops.push_back(TRY(Loop::Start({.name = "streamer", .affinity = CpuSet{place.cpu}},
                                    [delay] { return MakeStreamer(delay); })));
  }
  for (Loop& loop : loops) TRY(loop.AwaitReady(Seconds(20)));
  return loops;
}

int64_t BlocksOf(const std::vector<Loop>& loops) {
  int64_t blocks = 0;
  for (const Loop& loop : loops) blocks += loop.Done();
  return blocks;
}

Result<LoadedPoint> MeasurePoint(Chase& chase, std::vector<Loop>& loops) {
  constexpr Nanoseconds kStretch = Milliseconds(100);
  constexpr int64_t kLinks = 2000;
  const int64_t blocks_before = BlocksOf(loops);
  const Nanoseconds start = MonotonicClock().Now();
  Nanoseconds now = start;
  int64_t links = 0;
  for (; now - start < kStretch; now = MonotonicClock().Now()) {
    chase.Walk(kLinks);
    links += kLinks;
  }
  const Seconds took = now - start;
  for (Loop& loop : loops) TRY(loop.Check());
  const int64_t blocks = BlocksOf(loops) - blocks_before;
  if (!loops.empty() && blocks == 0) return Fail("the other CPUs read nothing");
  return LoadedPoint{static_cast<double>(blocks * kBlock.value) / took.count(),
                     static_cast<double>((now - start).count()) / static_cast<double>(links)};
}

Status MeasureCurve(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  Chase* chase = TRY(context.Keep<Chase>(
      [&] { return Chase::Make(MiB(64), Pages::k4K, context.environment().seed); }));
  for (auto _ : state) {
    chase->Walk(chase->lines() / 16);
    std::vector<Loop> nobody;
    std::vector<LoadedPoint> curve = {TRY(MeasurePoint(*chase, nobody))};
    context.Report({"idle latency", "nsec", Better::kLower, curve.front().latency});
    for (const Nanoseconds delay : kDelays) {
      std::vector<Loop> loops = TRY(StartStreamers(context, delay));
      curve.push_back(TRY(MeasurePoint(*chase, loops)));
      const auto microseconds = std::chrono::duration_cast<Microseconds>(delay).count();
      context.Report({fmt::format("delay {} us: latency", microseconds), "nsec", Better::kLower,
                      curve.back().latency});
      context.Report({fmt::format("delay {} us: bandwidth", microseconds), "bytes/s",
                      Better::kHigher, curve.back().bandwidth});
    }
    context.Report({"knee", "bytes/s", Better::kHigher, KneeOf(curve)});
  }
  return {};
}

}  // namespace

void AddLoadedLatency(Registry& registry) {
  registry.Add({.id = "numa.loaded-latency.curve",
                .what = "A dependent load in 64 MiB while all other CPUs stream, by the delay "
                        "between their blocks of 256 KiB.",
                .needs = {.cpus = 2, .memory = MiB(256)},
                .unit = benchmark::kMillisecond,
                .repetitions = 3,
                .iterations = 1,
                .budget = Seconds(180),
                .run = MeasureCurve});
}

}  // namespace nodeproof::bench
