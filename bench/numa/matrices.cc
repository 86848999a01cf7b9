// Every node with CPUs against every node with memory: latency, bandwidth, and how far the farthest
// memory is.
#include <algorithm>

#include "bench/core/context.h"
#include "bench/mechanics/chase.h"
#include "bench/mechanics/stream.h"
#include "bench/numa/numa_benches.h"
#include "harness/base/clock.h"

namespace nodeproof::bench {
namespace {

constexpr Bytes kWorkingSet = MiB(64);
constexpr int64_t kLinks = 200'000;

struct Pair {
  int cpu;   // of `from`
  int from;  // node
  int to;    // node
};

std::vector<Pair> PairsOf(const Topology& topology) {
  std::vector<Pair> pairs;
  for (const NumaNode& from : topology.nodes) {
    const auto cpu = std::ranges::find(topology.cpus, from.id, &CpuPlace::node);
    if (cpu == topology.cpus.end()) continue;
    for (const NumaNode& to : topology.nodes) {
      if (to.memory.value > 0 || topology.nodes.size() == 1) {
        pairs.push_back({cpu->cpu, from.id, to.id});
      }
    }
  }
  return pairs;
}

// On a machine without NUMA memory needs no binding, and the kernel may have no way to ask for it.
std::optional<int> NodeFor(const Topology& topology, int node) {
  return topology.nodes.size() > 1 ? std::optional(node) : std::nullopt;
}

Result<double> LatencyOf(const Context& context, const Pair& pair) {
  TRY(context.Pin(pair.cpu));
  Chase chase = TRY(Chase::Make(kWorkingSet, Pages::k4K, context.environment().seed,
                                NodeFor(context.topology(), pair.to)));
  chase.Walk(kLinks);
  const Nanoseconds before = MonotonicClock().Now();
  chase.Walk(kLinks);
  return static_cast<double>((MonotonicClock().Now() - before).count()) / kLinks;
}

Result<double> BandwidthOf(const Context& context, const Pair& pair) {
  TRY(context.Pin(pair.cpu));
  const Region region =
      TRY(Region::Map(kWorkingSet, Pages::k4K, NodeFor(context.topology(), pair.to)));
  region.Touch(KiB(4));
  StreamOnce(region, Stream::kRead);
  constexpr int kPasses = 4;
  const Nanoseconds before = MonotonicClock().Now();
  int64_t bytes = 0;
  for (int pass = 0; pass < kPasses; ++pass) bytes += StreamOnce(region, Stream::kRead);
  return static_cast<double>(bytes) / Seconds(MonotonicClock().Now() - before).count();
}

using CellOf = Result<double> (*)(const Context&, const Pair&);

Status MeasureMatrix(CellOf cell, const char* unit, Better better, Context& context,
                     benchmark::State& state) {
  for (auto _ : state) {
    for (const Pair& pair : PairsOf(context.topology())) {
      context.Report({fmt::format("node {} to {}", pair.from, pair.to), unit, better,
                      TRY(cell(context, pair))});
    }
  }
  return {};
}

// Time per load there over time per load in the node's own memory.
Status MeasureFarRatio(Context& context, benchmark::State& state) {
  for (auto _ : state) {
    std::vector<std::pair<Pair, double>> cells;
    for (const Pair& pair : PairsOf(context.topology())) {
      cells.emplace_back(pair, TRY(LatencyOf(context, pair)));
    }
    double worst = 1;
    for (const auto& [far, time] : cells) {
      for (const auto& [local, local_time] : cells) {
        if (local.from == far.from && local.to == local.from) {
          worst = std::max(worst, time / local_time);
        }
      }
    }
    context.Report({"ratio", "ratio", Better::kLower, worst});
  }
  return {};
}

Bench WholeBench(std::string id, std::string what, int numa_nodes,
                 std::function<Status(Context&, benchmark::State&)> run) {
  return {.id = std::move(id),
          .what = std::move(what),
          .needs = {.numa_nodes = numa_nodes, .memory = MiB(192)},
          .unit = benchmark::kMillisecond,
          .repetitions = 3,
          .iterations = 1,
          .budget = Seconds(180),
          .run = std::move(run)};
}

}  // namespace

void AddMatrices(Registry& registry) {
  registry.Add(WholeBench("numa.latency.matrix",
                          "A dependent load in 64 MiB of each node, from a CPU of each.", 1,
                          [](Context& context, benchmark::State& state) {
                            return MeasureMatrix(LatencyOf, "nsec", Better::kLower, context, state);
                          }));
  registry.Add(
      WholeBench("numa.bandwidth.matrix", "Reading 64 MiB of each node, from a CPU of each.", 1,
                 [](Context& context, benchmark::State& state) {
                   return MeasureMatrix(BandwidthOf, "bytes/s", Better::kHigher, context, state);
                 }));
  registry.Add(WholeBench("numa.far-memory.latency",
                          "The farthest node's latency over the own node's.", 2, MeasureFarRatio));
}

}  // namespace nodeproof::bench
