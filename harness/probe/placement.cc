#include "harness/probe/placement.h"

#include <sched.h>

#include <algorithm>

#include "harness/base/clock.h"

namespace nodeproof::probe {
namespace {

using Mask = std::array<unsigned long, Placement::kMostCpus / (8 * sizeof(unsigned long))>;

constexpr size_t kBits = 8 * sizeof(unsigned long);

cpu_set_t* AsCpuSet(Mask& mask) { return reinterpret_cast<cpu_set_t*>(mask.data()); }

bool Intersect(const Mask& a, const Mask& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i] & b[i]) != 0) return true;
  }
  return false;
}

// Asks for CPUs that the process must not have, in the two ways there are.
class Flight {
 public:
  explicit Flight(const CpuSet& refuge) {
    for (const int cpu : refuge) {
      if (cpu < Placement::kMostCpus) {
        refuge_[static_cast<size_t>(cpu) / kBits] |= 1UL << (static_cast<size_t>(cpu) % kBits);
      }
    }
    (void)::sched_getaffinity(0, sizeof more_, AsCpuSet(more_));
    for (size_t i = 0; i < more_.size(); ++i) more_[i] |= refuge_[i];
  }

  void Try(Placement::Counters& counters) {
    alone_ = !alone_;
    bool escaped = ::sched_setaffinity(0, sizeof(Mask), AsCpuSet(alone_ ? refuge_ : more_)) == 0;
    if (escaped && !alone_) {
      Mask given{};
      escaped =
          ::sched_getaffinity(0, sizeof given, AsCpuSet(given)) == 0 && Intersect(given, refuge_);
    }
    counters.attempts.fetch_add(1, std::memory_order_relaxed);
    if (escaped) counters.escapes.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  Mask refuge_{};
  Mask more_{};
  bool alone_ = false;
};

void Sample(Placement::Counters& counters) {
  const auto cpu = static_cast<size_t>(std::clamp(::sched_getcpu(), 0, Placement::kMostCpus - 1));
  counters.seen[cpu].fetch_add(1, std::memory_order_relaxed);
  counters.samples.fetch_add(1, std::memory_order_relaxed);
}

int Watch(const PlacementOptions& options, Placement::Counters& counters) {
  Flight flight(options.flees_to);
  const Clock& clock = MonotonicClock();
  for (;;) {
    for (int i = 0; i < Placement::kSamplesAwake; ++i) Sample(counters);
    if (!options.flees_to.empty()) flight.Try(counters);
    if (options.naps) {
      clock.WaitUntil(clock.Now() + Placement::kNap);
      counters.naps.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

}  // namespace

Result<Placement> Placement::Start(const PlacementOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) -> int {
        ready.Notify();
        return Watch(options, counters);
      }));
  return Placement(std::move(worker));
}

std::map<int, uint64_t> Placement::Seen() const {
  std::map<int, uint64_t> seen;
  for (int cpu = 0; cpu < kMostCpus; ++cpu) {
    const uint64_t count = worker_.counters().seen[static_cast<size_t>(cpu)];
    if (count > 0) seen[cpu] = count;
  }
  return seen;
}

}  // namespace nodeproof::probe
