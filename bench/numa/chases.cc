// Latency of dependent loads by working set, alone and beside a neighbour; bandwidth of one CPU.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>

#include "bench/core/context.h"
#include "bench/mechanics/chase.h"
#include "bench/mechanics/loop.h"
#include "bench/mechanics/stream.h"
#include "bench/numa/numa_benches.h"
#include "harness/base/clock.h"

namespace nodeproof::bench {
namespace {

constexpr int64_t kLinksAtOnce = 16384;
// What is timed as one, so that a look at the clock weighs nothing.
constexpr Nanoseconds kBatch = Milliseconds(1);

struct Runner {
  Chase chase;
  std::optional<Loop> neighbour;
};

// A neighbour outside the group, on another CPU, that reads and writes 64 MiB over and over.
Result<Loop> StartNeighbour(const Context& context) {
  Loop loop = TRY(Loop::Start(
      {.name = "bandwidth-hog", .affinity = CpuSet{context.OtherCpu()}}, []() -> Result<Operation> {
        auto region = std::make_shared<Region>(TRY(Region::Map(MiB(64), Pages::k4K)));
        return Timed([region]() -> Status {
          StreamOnce(*region, Stream::kCopy);
          return {};
        });
      }));
  TRY(loop.AwaitReady(Seconds(20)));
  return loop;
}

Status MeasureChase(Bytes working_set, Pages pages, bool beside, Context& context,
                    benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  Runner* runner = TRY(context.Keep<Runner>([&]() -> Result<Runner> {
    Runner made{TRY(Chase::Make(working_set, pages, context.environment().seed)), std::nullopt};
    if (beside) made.neighbour.emplace(TRY(StartNeighbour(context)));
    made.chase.Walk(made.chase.lines());  // what fits into a cache is there before the clock runs
    return made;
  }));
  const int64_t before = runner->neighbour ? runner->neighbour->Done() : 0;
  // Whatever takes the CPU or the caches away makes a load slower, nothing makes it faster: the
  // quickest batch is the hardware's own, as in lmbench's lat_mem_rd.
  const Clock& clock = MonotonicClock();
  double least = std::numeric_limits<double>::infinity();  // nsec
  Nanoseconds begun = clock.Now();
  int64_t links = 0;
  while (state.KeepRunningBatch(kLinksAtOnce)) {
    runner->chase.Walk(kLinksAtOnce);
    links += kLinksAtOnce;
    const Nanoseconds now = clock.Now();
    if (now - begun < kBatch) continue;
    least =
        std::min(least, static_cast<double>((now - begun).count()) / static_cast<double>(links));
    begun = now;
    links = 0;
  }
  if (std::isfinite(least)) context.Report({"quickest batch", "nsec", Better::kLower, least});
  if (runner->neighbour) {
    TRY(runner->neighbour->Check());
    context.Report({"neighbour's passes", "count", Better::kHigher,
                    static_cast<double>(runner->neighbour->Done() - before)});
  }
  return {};
}

struct WorkingSet {
  const char* name;
  Bytes size;
};
constexpr WorkingSet kWorkingSets[] = {
    {"16k", KiB(16)}, {"256k", KiB(256)}, {"2m", MiB(2)}, {"8m", MiB(8)}, {"128m", MiB(128)}};
constexpr const WorkingSet& kLargest = kWorkingSets[std::size(kWorkingSets) - 1];

struct PageKind {
  const char* name;
  const char* what;
  Pages pages;
};
constexpr PageKind kPageKinds[] = {{"4k", "pages of 4 KiB", Pages::k4K},
                                   {"huge", "transparent huge pages", Pages::kThp}};

Bench ChaseBench(std::string id, std::string what, const WorkingSet& set, Pages pages) {
  return {.id = std::move(id),
          .what = std::move(what),
          .needs = {.memory = set.size * 2},
          .min_time = Seconds(0.1),
          .budget = Seconds(120),
          .run = [&set, pages](Context& context, benchmark::State& state) {
            return MeasureChase(set.size, pages, false, context, state);
          }};
}

Status MeasureBandwidth(Stream kind, Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Region* region = TRY(context.Keep<Region>([]() -> Result<Region> {
    Region made = TRY(Region::Map(MiB(64), Pages::k4K));
    made.Touch(KiB(4));
    return made;
  }));
  const Nanoseconds start = MonotonicClock().Now();
  int64_t bytes = 0;
  for (auto _ : state) bytes += StreamOnce(*region, kind);
  const Seconds took = MonotonicClock().Now() - start;
  context.Report(
      {"bandwidth", "bytes/s", Better::kHigher, static_cast<double>(bytes) / took.count()});
  return {};
}

struct StreamCase {
  const char* id;
  const char* what;
  Stream kind;
};
constexpr StreamCase kStreams[] = {
    {"numa.bandwidth.read", "One CPU reads 64 MiB.", Stream::kRead},
    {"numa.bandwidth.write", "One CPU writes 64 MiB.", Stream::kWrite},
    {"numa.bandwidth.copy", "One CPU copies 32 MiB.", Stream::kCopy}};

}  // namespace

void AddChases(Registry& registry) {
  for (const PageKind& kind : kPageKinds) {
    for (const WorkingSet& set : kWorkingSets) {
      registry.Add(ChaseBench(fmt::format("numa.chase.{}.{}", set.name, kind.name),
                              fmt::format("A dependent load in a working set of {} in {}.",
                                          FormatBytes(set.size), kind.what),
                              set, kind.pages));
    }
  }
  for (const bool beside : {false, true}) {
    Bench bench = ChaseBench(beside ? "numa.chase.group-beside-load" : "numa.chase.group",
                             beside ? "A dependent load in 128 MiB in a group, while a neighbour "
                                      "outside copies memory on another CPU."
                                    : "A dependent load in 128 MiB in a group.",
                             kLargest, Pages::k4K);
    bench.place = {1, {"memory"}, {}};
    bench.needs.cpus = beside ? 2 : 1;
    bench.run = [beside](Context& context, benchmark::State& state) {
      return MeasureChase(kLargest.size, Pages::k4K, beside, context, state);
    };
    registry.Add(std::move(bench));
  }
  for (const StreamCase& stream : kStreams) {
    registry.Add({.id = stream.id,
                  .what = stream.what,
                  .needs = {.memory = MiB(128)},
                  .unit = benchmark::kMillisecond,
                  .run = [&stream](Context& context, benchmark::State& state) {
                    return MeasureBandwidth(stream.kind, context, state);
                  }});
  }
}

}  // namespace nodeproof::bench
