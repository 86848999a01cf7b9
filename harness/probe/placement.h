// A victim that watches where it runs: it asks sched_getcpu(3) all the time, spinning, or waking up
// over and over, or trying to run elsewhere.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct PlacementOptions {
  std::string name = "placement";
  const cgroup::Cgroup* group = nullptr;
  // Sleeps for kNap after every kSamplesAwake samples, so that the kernel has to place it anew
  // thousands of times.
  bool naps = false;
  // Not empty: every kSamplesAwake samples it asks to run on these CPUs (sched_setaffinity(2)), and
  // kSamplesAwake samples later on these and all that it could use at its start.
  CpuSet flees_to = {};
};

class Placement {
 public:
  // CPUs above this are counted as one.
  static constexpr int kMostCpus = 4096;
  static constexpr int kSamplesAwake = 32;
  static constexpr Nanoseconds kNap = Microseconds(200);

  static Result<Placement> Start(const PlacementOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // How often it was seen on each CPU, CPUs without a sighting left out.
  std::map<int, uint64_t> Seen() const;
  // All sightings. A sample that is under way is counted after it was taken: what is seen from the
  // second further sample on was taken later than this call.
  uint64_t Samples() const { return worker_.counters().samples; }
  uint64_t Naps() const { return worker_.counters().naps; }
  // How often it asked to flee, and how often the kernel let it: the call for the CPUs alone
  // succeeded, or the one for more gave it an affinity with one of them.
  uint64_t Attempts() const { return worker_.counters().attempts; }
  uint64_t Escapes() const { return worker_.counters().escapes; }
  pid_t pid() { return worker_.process().pid(); }
  Result<bool> Running() { return worker_.process().Running(); }

  struct Counters {
    std::array<std::atomic<uint64_t>, kMostCpus> seen{};
    std::atomic<uint64_t> samples{0};
    std::atomic<uint64_t> naps{0};
    std::atomic<uint64_t> attempts{0};
    std::atomic<uint64_t> escapes{0};
  };

 private:
  explicit Placement(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
