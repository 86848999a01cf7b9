#include "harness/numa/placed_memory.h"

#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "harness/base/clock.h"
#include "harness/base/mapping.h"

namespace nodeproof::numa {
namespace {

constexpr int kExitNoMemory = 116;
constexpr int kWeightedInterleave = 6;  // MPOL_WEIGHTED_INTERLEAVE, newer than libnuma's headers

int ModeOf(Policy policy) {
  switch (policy) {
    case Policy::kDefault:
      return MPOL_DEFAULT;
    case Policy::kBind:
      return MPOL_BIND;
    case Policy::kPreferred:
      return MPOL_PREFERRED;
    case Policy::kInterleave:
      return MPOL_INTERLEAVE;
    case Policy::kWeightedInterleave:
      return kWeightedInterleave;
  }
  return MPOL_DEFAULT;
}

struct FreeMask {
  void operator()(bitmask* mask) const { ::numa_bitmask_free(mask); }
};

// What the page at `index` holds.
uint64_t Content(int64_t index) { return static_cast<uint64_t>(index) * 0x9E3779B97F4A7C15u + 1; }

void Touch(char* memory, int64_t pages, int64_t page, PlacedMemory::Counters& counters) {
  for (int64_t i = 0; i < pages; ++i) {
    const uint64_t content = Content(i);
    std::memcpy(memory + i * page, &content, sizeof content);
    counters.touched = (i + 1) * page;
    const int cpu = ::sched_getcpu();
    if (cpu >= 0 && static_cast<size_t>(cpu) < counters.seen.size()) {
      counters.seen[static_cast<size_t>(cpu)] = true;
    }
  }
}

int64_t CountSpoiledIn(const char* memory, int64_t pages, int64_t page) {
  int64_t spoiled = 0;
  for (int64_t i = 0; i < pages; ++i) {
    uint64_t content = 0;
    std::memcpy(&content, memory + i * page, sizeof content);
    spoiled += content == Content(i) ? 0 : 1;
  }
  return spoiled;
}

int PlaceAndHold(const PlacedMemoryOptions& options, PlacedMemory::Counters& counters,
                 const cgroup::ReadySignal& ready) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  const auto size = static_cast<size_t>(options.amount.value);
  // Each page on its own, so that it is placed on its own.
  char* memory = MapSmallPages(options.amount);
  if (memory == nullptr) return kExitNoMemory;
  counters.base = reinterpret_cast<uint64_t>(memory);
  counters.refused = AskForPolicy(memory, size, options.policy, options.nodes);
  const int64_t pages = options.amount.value / page;
  Touch(memory, pages, page, counters);
  if (options.then_free) ::mbind(memory, size, MPOL_DEFAULT, nullptr, 0, 0);
  ready.Notify();
  const Clock& clock = MonotonicClock();
  for (;;) {
    while (counters.asked == counters.answered) clock.WaitUntil(clock.Now() + Milliseconds(5));
    counters.spoiled = CountSpoiledIn(memory, pages, page);
    ++counters.answered;
  }
}

}  // namespace

int AskForPolicy(void* memory, size_t size, Policy policy, const std::vector<int>& nodes) {
  if (policy == Policy::kDefault) return 0;
  const std::unique_ptr<bitmask, FreeMask> mask(::numa_allocate_nodemask());
  if (!mask) return ENOMEM;
  for (const int node : nodes) ::numa_bitmask_setbit(mask.get(), static_cast<unsigned>(node));
  const long refused = ::mbind(memory, size, ModeOf(policy), mask->maskp, mask->size + 1, 0);
  return refused == 0 ? 0 : errno;
}

Result<PlacedMemory> PlacedMemory::Start(const PlacedMemoryOptions& options) {
  if (::numa_available() < 0) {
    return std::unexpected(Error{"the kernel has no NUMA policies (CONFIG_NUMA)", "", 0, true});
  }
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name,
       .group = options.group,
       .oom_score_adj = options.oom_score_adj,
       .affinity = options.affinity},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return PlaceAndHold(options, counters, ready);
      }));
  return PlacedMemory(options.amount, std::move(worker));
}

CpuSet PlacedMemory::SeenOn() const {
  CpuSet cpus;
  const auto& seen = worker_.counters().seen;
  for (size_t cpu = 0; cpu < seen.size(); ++cpu) {
    if (seen[cpu]) cpus.Insert(static_cast<int>(cpu));
  }
  return cpus;
}

int64_t PlacedMemory::PageCount() const { return amount_.value / ::sysconf(_SC_PAGESIZE); }

Result<ByNode> PlacedMemory::Pages() {
  return AskPages(worker_.process().pid(), worker_.counters().base, PageCount());
}

Result<ByNode> PlacedMemory::Maps() {
  return ReadNumaMaps(worker_.process().pid(), worker_.counters().base);
}

Result<int64_t> PlacedMemory::CountSpoiled(Seconds timeout) {
  Counters& counters = worker_.counters();
  const int64_t asked = ++counters.asked;
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(timeout);
  while (counters.answered < asked) {
    if (clock.Now() > deadline) {
      return std::unexpected(Error{
          fmt::format("{} did not read its memory within {}", name(), FormatDuration(timeout)), "",
          ETIMEDOUT});
    }
    if (!TRY(Running())) return Fail("{} ended", name());
    clock.WaitUntil(clock.Now() + Milliseconds(2));
  }
  return int64_t{counters.spoiled};
}

}  // namespace nodeproof::numa
