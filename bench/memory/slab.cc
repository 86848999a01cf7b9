// Kernel objects charged to a group, and the statistics that a reader of memory.stat waits for.
#include "bench/core/context.h"
#include "bench/mechanics/missing_names.h"
#include "bench/mechanics/region.h"
#include "bench/memory/memory_benches.h"
#include "harness/base/clock.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::bench {
namespace {

constexpr int64_t kNames = 20'000;

Result<MissingNames*> NamesOf(Context& context) {
  return context.Keep<MissingNames>(
      [&] { return MissingNames::In(*context.environment().scratch); });
}

Status MeasureCreate(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  MissingNames* names = TRY(NamesOf(context));
  for (auto _ : state) TRY(names->LookUp());
  return {};
}

Status MeasureSlabReclaim(Context& context, benchmark::State& state) {
  const cgroup::Cgroup& group = context.group();
  if (!group.Has("memory.reclaim")) return Unsupported("the kernel has no memory.reclaim (5.19)");
  MissingNames* names = TRY(NamesOf(context));
  const Clock& clock = MonotonicClock();
  const auto slab = [&]() -> Result<int64_t> {
    return TRY(cgroup::ReadKeyed(group, "memory.stat")).Get("slab_reclaimable");
  };
  for (auto _ : state) {
    for (int i = 0; i < kNames; ++i) TRY(names->LookUp());
    const int64_t full = TRY(slab());
    const Nanoseconds before = clock.Now();
    // More than there is: it ends with EAGAIN when nothing is left to give.
    (void)group.Write("memory.reclaim", "67108864");
    const Seconds took = clock.Now() - before;
    // A dentry's memory is free when a grace period of RCU has passed (fs/dcache.c, dentry_free()).
    int64_t left = TRY(slab());
    const Nanoseconds deadline = clock.Now() + std::chrono::seconds(5);
    while (full - left < kNames * 192 && clock.Now() < deadline) {
      clock.WaitUntil(clock.Now() + Milliseconds(10));
      left = TRY(slab());
    }
    if (full - left < kNames * 192)
      return Fail("reclaim took {} of {} bytes of slab", full - left, full);
    state.SetIterationTime(took.count());
    context.Report(
        {"rate", "bytes/s", Better::kHigher, static_cast<double>(full - left) / took.count()});
  }
  return {};
}

// Charges and uncharges enough to be unflushed (the kernel batches 64 updates a CPU), then reads.
Status MeasureFlush(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Region* region = TRY(context.Keep<Region>([] { return Region::Map(MiB(2), Pages::k4K); }));
  for (auto _ : state) {
    region->Touch(KiB(4));
    TRY(context.TimeIteration(state, [&] { return context.group().Read("memory.stat"); }));
    TRY(region->Drop());
  }
  return {};
}

}  // namespace

void AddSlab(Registry& registry) {
  for (const int depth : {0, 1, 6}) {
    const Place place = depth == 0 ? Place{} : Place{depth, {"memory"}, {}};
    registry.Add({.id = depth == 0 ? "memory.slab.create.no-cgroup"
                                   : fmt::format("memory.slab.create.depth-{}", depth),
                  .what = fmt::format("A look-up that leaves a negative dentry, {} deep.", depth),
                  .needs = {.scratch = true},
                  .place = place,
                  .run = MeasureCreate});
  }
  registry.Add({.id = "memory.slab.reclaim",
                .what = "memory.reclaim of 20000 negative dentries.",
                .needs = {.scratch = true},
                .place = {1, {"memory"}, {}},
                .unit = benchmark::kMillisecond,
                .manual_time = true,
                .iterations = 1,
                .budget = Seconds(60),
                .run = MeasureSlabReclaim});
  for (const int depth : {1, 6}) {
    registry.Add({.id = fmt::format("memory.stat.flush.depth-{}", depth),
                  .what = fmt::format(
                      "Reading memory.stat right after 512 charges in the group, {} deep.", depth),
                  .place = {depth, {"memory"}, {}},
                  .unit = benchmark::kMicrosecond,
                  .manual_time = true,
                  .iterations = 50,
                  .run = MeasureFlush});
  }
}

}  // namespace nodeproof::bench
