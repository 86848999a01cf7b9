// A benchmark: what it measures, what it needs of a node, where its process stands, and the Google
// Benchmark function that measures it. `nodeproof bench` runs them; a row of results.json each.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::bench {

class Context;
struct Environment;

enum class Better { kLower, kHigher };
std::string_view ToString(Better better);  // "lower", "higher"

// What a node must have; what is missing makes the benchmark `unsupported`, by name.
struct Needs {
  std::vector<std::string> controllers = {};  // of cgroup v2; of Place::controllers besides
  bool cgroups = false;  // a hierarchy to make groups in, whatever its controllers
  int cpus = 1;
  int numa_nodes = 1;     // with CPUs
  Bytes memory{0};        // available
  bool scratch = false;   // a file system on a disk
  bool own_node = false;  // a VM: it changes what stands outside its cgroup; why_own_node says what
  std::string why_own_node = {};
};

struct Knob {
  std::string file;
  std::string value;
};

// Where the benchmark's process is born: `depth` groups below the capsule, with `controllers` on at
// every level and `knobs` written to the innermost. Depth 0 is the agent's own group.
struct Place {
  int depth = 0;
  std::vector<std::string> controllers = {};
  std::vector<Knob> knobs = {};
};

struct Bench {
  std::string id;    // "cpu.wakeup.idle"
  std::string what;  // one sentence: what is timed
  Needs needs = {};
  Place place = {};
  benchmark::TimeUnit unit = benchmark::kNanosecond;
  // The function says itself how long an iteration took (State::SetIterationTime).
  bool manual_time = false;
  int repetitions = 5;
  Seconds min_time{0.05};  // of a repetition, unless `iterations` is given
  int64_t iterations = 0;
  int64_t thorough_factor = 4;  // with --thorough, times the iterations or the time
  Seconds budget{30};           // after which its process is killed
  // What stands while its process is there, made and taken down by the agent, so that it goes also
  // when the process is killed: settings of the node, say.
  std::function<Result<std::shared_ptr<void>>(const Environment&)> around = {};
  // Runs in a process of its own, once for each repetition (and more often while Google Benchmark
  // looks for the number of iterations).
  std::function<Status(Context&, benchmark::State&)> run = {};
  // Instead of `run`: measured by the agent itself, which gets the whole row. For what is no loop.
  std::function<Result<Json>(const Bench&, Environment&)> measure = {};
};

// {"id", "statement", "source", "needs", "budget_s", …}: the shape in which claims are described,
// too, so that the CLI chooses nodes and shapes for both alike.
Json Describe(const Bench& bench);

// An Error for what a node lacks.
template <typename... Args>
std::unexpected<Error> Unsupported(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...), "", 0, true});
}

// All benchmarks, in the order they are added.
class Registry {
 public:
  // Aborts on an id that is taken or is not words of [a-z0-9-] joined by dots: a mistake of the
  // program, found by the first test that lists them.
  void Add(Bench bench);
  const std::vector<Bench>& benches() const { return benches_; }
  const Bench* Find(std::string_view id) const;

 private:
  std::vector<Bench> benches_;
};

}  // namespace nodeproof::bench
