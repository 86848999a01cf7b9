// What benchmarks work with while they run: the node at hand, and the recorder of what a time per
// iteration cannot say.
#pragma once

#include <any>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/core/bench.h"
#include "harness/base/clock.h"
#include "harness/cgroup/cgroup.h"
#include "harness/measure/histogram.h"
#include "harness/topology/topology.h"

namespace nodeproof::capsule {
class Capsule;
}

namespace nodeproof::bench {

// What all benchmarks of a run share.
struct Environment {
  Topology topology;  // the CPUs that may be used
  // The group below which benchmarks make theirs, with its controllers; nullptr: none can be made.
  const cgroup::Cgroup* capsule = nullptr;
  capsule::Capsule* planter = nullptr;  // the same, to plant a kubelet's tree in
  std::vector<std::string> controllers = {};
  std::string why_no_cgroups = {};
  std::optional<std::filesystem::path> scratch = {};  // a directory on a disk
  std::string why_no_scratch = {};
  Bytes memory{0};         // available on the node
  bool owns_node = false;  // a VM
  bool thorough = false;
  uint64_t seed = 1;
  // What benchmarks keep from one to the next within a run (rates of victims alone, say).
  std::map<std::string, std::any> kept = {};
};

// What the node lacks for `bench`: an Error marked `unsupported` that names it.
Status CheckNeeds(const Bench& bench, const Environment& environment);

// One number beside the time: "bandwidth", 1.2e10 bytes/s, higher is better.
struct Figure {
  std::string name;
  std::string unit;  // "bytes/s", "ratio", "nsec", "count", "1/s"
  Better better = Better::kLower;
  double value = 0;
};

// What one call of the benchmark function found.
struct Trial {
  int64_t iterations = 0;
  measure::Histogram latencies;
  std::vector<Figure> figures;
};

class Context {
 public:
  // `group` is the process's own, for benchmarks whose Place has one.
  Context(const Environment& environment, const cgroup::Cgroup* group);

  const Environment& environment() const { return environment_; }
  const Topology& topology() const { return environment_.topology; }
  const cgroup::Cgroup& group() const { return *group_; }
  bool has_group() const { return group_ != nullptr; }
  std::mt19937_64& random() { return random_; }

  // The CPU on which benchmarks of one CPU run: the highest, away from CPU 0's housekeeping.
  int QuietCpu() const { return topology().cpus.back().cpu; }
  // Another CPU, or the quiet one where there is no other.
  int OtherCpu() const { return topology().cpus.front().cpu; }
  // Binds this process to `cpu`.
  Status Pin(int cpu) const;

  // One operation's time, for percentiles.
  void Latency(Nanoseconds value) { trials_.back()->latencies.Add(value); }
  measure::Histogram& latencies() { return trials_.back()->latencies; }
  // Does `once` as an iteration of manual time, and notes how long it took for percentiles.
  template <typename Once>
  Status TimeIteration(benchmark::State& state, const Once& once) {
    const Nanoseconds before = MonotonicClock().Now();
    TRY(once());
    const Nanoseconds took = MonotonicClock().Now() - before;
    Latency(took);
    state.SetIterationTime(Seconds(took).count());
    return {};
  }
  // A figure of this trial; the row has the mean of the repetitions and each of them.
  void Report(Figure figure) { trials_.back()->figures.push_back(std::move(figure)); }

  // What the trials of a benchmark share: made by `make` the first time, kept until its process
  // ends.
  template <typename T>
  Result<T*> Keep(const std::function<Result<T>()>& make) {
    if (!kept_) kept_ = std::make_shared<T>(TRY(make()));
    return static_cast<T*>(kept_.get());
  }

  // For the runner: a call begins; the last `most` are kept.
  void BeginTrial(int64_t iterations, size_t most);
  const std::deque<std::unique_ptr<Trial>>& trials() const { return trials_; }

 private:
  const Environment& environment_;
  const cgroup::Cgroup* group_;
  std::mt19937_64 random_;
  std::deque<std::unique_ptr<Trial>> trials_;
  std::shared_ptr<void> kept_;
};

}  // namespace nodeproof::bench
