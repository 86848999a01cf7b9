// Page faults by kind of page, depth of the group and limit; charging without the fault.
#include <sys/mman.h>

#include <cerrno>
#include <optional>

#include "bench/core/context.h"
#include "bench/mechanics/region.h"
#include "bench/memory/memory_benches.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::bench {
namespace {

constexpr const char* kHugePages = "/proc/sys/vm/nr_hugepages";

struct PageCase {
  const char* name;  // in ids
  const char* what;
  Pages pages;
  int batch;  // pages that are faulted in a row
};
constexpr int kHugetlbBatch = 4;
constexpr PageCase kPages[] = {
    {"4k", "a page of 4 KiB", Pages::k4K, 512},
    {"thp", "a transparent huge page", Pages::kThp, 8},
    {"hugetlb", "a hugetlb page of 2 MiB", Pages::kHugetlb, kHugetlbBatch}};

struct PlaceCase {
  const char* name;
  const char* what;
  int depth;
  bool limit = false;
};
constexpr PlaceCase kPlaces[] = {{"no-cgroup", "", 0},
                                 {"depth-1", " in a group", 1},
                                 {"depth-3", " in a group 3 deep", 3},
                                 {"depth-6", " in a group 6 deep", 6},
                                 {"limit", " in a group 3 deep with a limit far away", 3, true}};

// As many huge pages as `batch`, where the node is ours; what there was before comes back.
class HugePool {
 public:
  static Result<HugePool> Reserve(bool own_node, int batch) {
    HugePool pool;
    if (!own_node) return pool;
    pool.before_ = TRY(ParseInt(Trim(TRY(ReadFile(kHugePages)))));
    if (pool.before_ >= batch) return pool;
    TRY(WriteFileAt(AT_FDCWD, kHugePages, fmt::format("{}", batch)));
    pool.changed_ = true;
    return pool;
  }
  HugePool(HugePool&& other) noexcept
      : before_(other.before_), changed_(std::exchange(other.changed_, false)) {}
  HugePool& operator=(HugePool&&) = delete;
  ~HugePool() {
    if (changed_) (void)WriteFileAt(AT_FDCWD, kHugePages, fmt::format("{}", before_));
  }

 private:
  HugePool() = default;
  int64_t before_ = 0;
  bool changed_ = false;
};

Status MeasureFaults(const PageCase& page, Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Region* region = TRY(context.Keep<Region>(
      [&] { return Region::Map(SizeOf(page.pages) * page.batch, page.pages); }));
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nanoseconds before = clock.Now();
    region->Touch(SizeOf(page.pages));
    const Nanoseconds took = clock.Now() - before;
    state.SetIterationTime(Seconds(took).count() / page.batch);
    if (page.pages == Pages::kThp && TRY(HugeBytesNow()) < region->size()) {
      return Unsupported("the kernel gave no huge pages for MADV_HUGEPAGE");
    }
    TRY(region->Drop());
  }
  return {};
}

// Each fault by itself: the clock's cost is in it.
Status MeasureFaultLatency(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  constexpr int kBatch = 1024;
  const Region* region =
      TRY(context.Keep<Region>([] { return Region::Map(KiB(4) * kBatch, Pages::k4K); }));
  const Clock& clock = MonotonicClock();
  int64_t next = kBatch;
  for (auto _ : state) {
    if (next == kBatch) {
      TRY(region->Drop());
      next = 0;
    }
    const Nanoseconds before = clock.Now();
    *reinterpret_cast<volatile std::byte*>(region->data() + 4096 * next++) = std::byte{1};
    const Nanoseconds took = clock.Now() - before;
    context.Latency(took);
    state.SetIterationTime(Seconds(took).count());
  }
  return {};
}

// madvise(MADV_POPULATE_WRITE), kernel 5.14: charge and allocation of a page without the trap.
Status MeasurePopulate(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  constexpr int kBatch = 512;
  const Region* region =
      TRY(context.Keep<Region>([] { return Region::Map(KiB(4) * kBatch, Pages::k4K); }));
  const auto size = static_cast<size_t>(region->size().value);
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nanoseconds before = clock.Now();
    if (::madvise(region->data(), size, MADV_POPULATE_WRITE) != 0) {
      if (errno == EINVAL) return Unsupported("the kernel has no MADV_POPULATE_WRITE");
      return FailErrno(errno, "populate memory");
    }
    state.SetIterationTime(Seconds(clock.Now() - before).count() / kBatch);
    TRY(region->Drop());
  }
  return {};
}

Place PlaceOf(const PlaceCase& place, bool hugetlb) {
  if (place.depth == 0) return {};
  Place made{place.depth, {"memory"}, {}};
  if (hugetlb) made.controllers.push_back("hugetlb");
  if (place.limit) made.knobs = {{hugetlb ? "hugetlb.2MB.max" : "memory.max", "268435456"}};
  return made;
}

// Huge pages for a batch; on a node that is not ours those that it has must do.
Result<std::shared_ptr<void>> ReserveHugePages(const Environment& environment) {
  return std::make_shared<HugePool>(TRY(HugePool::Reserve(environment.owns_node, kHugetlbBatch)));
}

}  // namespace

void AddFaults(Registry& registry) {
  for (const PageCase& page : kPages) {
    for (const PlaceCase& place : kPlaces) {
      registry.Add({.id = fmt::format("memory.fault.{}.{}", page.name, place.name),
                    .what = fmt::format("First touch of {}{}.", page.what, place.what),
                    .place = PlaceOf(place, page.pages == Pages::kHugetlb),
                    .manual_time = true,
                    .iterations = 20,
                    .around = page.pages == Pages::kHugetlb ? ReserveHugePages : nullptr,
                    .run = [&page](Context& context, benchmark::State& state) {
                      return MeasureFaults(page, context, state);
                    }});
    }
  }
  registry.Add({.id = "memory.fault.4k.latency",
                .what = "First touch of a page of 4 KiB, each timed by itself.",
                .manual_time = true,
                .iterations = 8192,
                .run = MeasureFaultLatency});
  for (const int depth : {0, 1, 6}) {
    const Place place = depth == 0 ? Place{} : Place{depth, {"memory"}, {}};
    registry.Add(
        {.id =
             depth == 0 ? "memory.charge.no-cgroup" : fmt::format("memory.charge.depth-{}", depth),
         .what = fmt::format("Allocation and charge of a page without a fault, {} deep.", depth),
         .place = place,
         .manual_time = true,
         .iterations = 20,
         .run = MeasurePopulate});
  }
}

}  // namespace nodeproof::bench
