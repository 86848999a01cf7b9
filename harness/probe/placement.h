// A victim that watches where it runs: it spins and asks sched_getcpu(3) all the time.
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
};

class Placement {
 public:
  // CPUs above this are counted as one.
  static constexpr int kMostCpus = 4096;

  static Result<Placement> Start(const PlacementOptions& options);

  Status AwaitReady(Seconds timeout) { return worker_.AwaitReady(timeout); }
  // How often it was seen on each CPU, CPUs without a sighting left out.
  std::map<int, uint64_t> Seen() const;

  struct Counters {
    std::array<std::atomic<uint64_t>, kMostCpus> seen{};
  };

 private:
  explicit Placement(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
