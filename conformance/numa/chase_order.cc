#include "conformance/numa/chase_order.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "conformance/pods.h"
#include "harness/numa/chaser.h"
#include "harness/numa/hmat.h"
#include "harness/topology/hypervisor.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Bytes kLeastSet = MiB(64);
// QEMU models no caches, and the host's would tell memories apart by where their pages happen to
// lie: two fit into any second-level cache.
constexpr Bytes kSetUnderTcg = KiB(64);
constexpr int64_t kCaches = 4;  // the working set in sizes of the largest cache
constexpr Milliseconds kWindow{300};
constexpr int64_t kLeastTurns = 4;  // of a window, in each memory

// Memories that should be slower than another: indices into an origin's.
struct Order {
  size_t near = 0;
  size_t far = 0;
  auto operator<=>(const Order&) const = default;
};

// Each memory against those of the next nearer kind, by `rank`; none where it is unknown.
template <typename Rank>
void AddOrders(const std::vector<Memory>& memories, const Rank& rank, std::set<Order>& orders) {
  for (size_t far = 0; far < memories.size(); ++far) {
    std::optional<int64_t> next;
    for (const Memory& memory : memories) {
      const std::optional<int64_t> value = rank(memory);
      if (value && rank(memories[far]) > value) next = std::max(next.value_or(*value), *value);
    }
    if (!next) continue;
    for (size_t near = 0; near < memories.size(); ++near) {
      if (rank(memories[near]) == next) orders.insert({near, far});
    }
  }
}

Result<Bytes> WorkingSet(const ArmContext& context, const Origin& origin) {
  const Bytes page{::sysconf(_SC_PAGESIZE)};
  const Bytes cached = LargestCache(origin.cpu.First()) * kCaches;
  const Bytes least = RunsUnderTcg() ? kSetUnderTcg : std::max(cached, kLeastSet);
  const Bytes wanted{(least.value + page.value - 1) / page.value * page.value};
  for (const Memory& memory : origin.memories) {
    const Bytes free = TRY(FreeOn(memory.node));
    if (free >= wanted * 2) continue;
    return Unsupported(
        "/sys/devices/system/node/node{}/meminfo: {} are free, half of which are less than the {} "
        "that no cache holds",
        memory.node, FormatBytes(free), FormatBytes(wanted));
  }
  if (context.environment().memory < wanted * (static_cast<int64_t>(origin.memories.size()) + 1)) {
    return Unsupported("{} of memory are available, a chase through {} in {} nodes needs more",
                       FormatBytes(context.environment().memory), FormatBytes(wanted),
                       origin.memories.size());
  }
  return wanted;
}

// Time per load in each memory, from window to window.
class LatencyWindows {
 public:
  LatencyWindows(const numa::Chaser& chaser, size_t memories)
      : chaser_(chaser), links_(memories), took_(memories) {}

  // Nanoseconds since the last call that gave any; empty when too little was done.
  std::vector<double> Take() {
    std::vector<double> latencies;
    std::vector<int64_t> links, took;
    for (size_t i = 0; i < links_.size(); ++i) {
      took.push_back(chaser_.Took(i).count());
      links.push_back(chaser_.Links(i));
      const auto done = static_cast<double>(links[i] - links_[i]);
      if (done < static_cast<double>(kLeastTurns * numa::Chaser::kLinksAtOnce)) return {};
      latencies.push_back(static_cast<double>(took[i] - took_[i]) / done);
    }
    links_ = std::move(links);
    took_ = std::move(took);
    return latencies;
  }

 private:
  const numa::Chaser& chaser_;
  std::vector<int64_t> links_;
  std::vector<int64_t> took_;
};

std::string Told(const Memory& memory) {
  return memory.read_ns ? fmt::format("SLIT {}, HMAT {} ns", memory.distance, *memory.read_ns)
                        : fmt::format("SLIT {}", memory.distance);
}

}  // namespace

Result<Origin> OriginAt(const Topology& topology, const NumaNode& from, size_t place) {
  Origin origin{from.id, CpuSet{*std::prev((from.cpus & topology.Online()).end())}, {}};
  if (from.distances.size() != topology.nodes.size()) {
    return Unsupported("/sys/devices/system/node/node{}/distance tells {} distances of {} nodes",
                       from.id, from.distances.size(), topology.nodes.size());
  }
  for (size_t i = 0; i < topology.nodes.size(); ++i) {
    const NumaNode& to = topology.nodes[i];
    if (to.memory.value == 0) continue;
    const auto read_ns = TRY(numa::ReadLatency(from.id, to.id));
    origin.memories.push_back({to.id, from.distances[i], read_ns});
    if (i == place) std::swap(origin.memories.front(), origin.memories.back());
  }
  std::stable_sort(origin.memories.begin() + 1, origin.memories.end(),
                   [](const Memory& a, const Memory& b) { return a.distance < b.distance; });
  if (origin.memories.size() > numa::Chaser::kMost) {
    origin.memories.erase(origin.memories.begin() + 1,
                          origin.memories.end() - (numa::Chaser::kMost - 1));
  }
  return origin;
}

Status MeasureOrigin(ArmContext& context, const cgroup::Cgroup& group, const Origin& origin,
                     results::Arm& arm) {
  const std::vector<Memory>& memories = origin.memories;
  const Bytes set = TRY(WorkingSet(context, origin));
  std::vector<int> nodes;
  for (const Memory& memory : memories) {
    nodes.push_back(context.Protected() ? memory.node : origin.node);
  }
  numa::Chaser chaser = TRY(numa::Chaser::Start({.group = &group,
                                                 .affinity = origin.cpu,
                                                 .nodes = nodes,
                                                 .working_set = set,
                                                 .seed = context.environment().seed}));
  TRY(chaser.AwaitReady(context.patience()));

  // The farthest against the own one decides; the rest only may not be the other way round.
  const size_t farthest = memories.size() - 1;
  std::set<Order> orders;
  AddOrders(
      memories, [](const Memory& memory) { return std::optional<int64_t>(memory.distance); },
      orders);
  AddOrders(
      memories, [](const Memory& memory) { return memory.read_ns; }, orders);
  orders.erase({0, farthest});
  std::vector<Order> pairs = {{0, farthest}};
  pairs.insert(pairs.end(), orders.begin(), orders.end());
  std::vector<measure::Quantity> quantities;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto [near, far] = pairs[i];
    quantities.push_back(
        {fmt::format("from node {}: a load from node {} ({}) beyond one from node {} ({}), in "
                     "local loads",
                     origin.node, memories[far].node, Told(memories[far]), memories[near].node,
                     Told(memories[near])),
         {i == 0 ? kSlitStep : 0, Relation::kAtLeast, kSlitStep / 2, "ratio"}});
  }

  LatencyWindows windows(chaser, memories.size());
  std::vector<double> latest;
  const auto open = [&]() -> Status {
    windows.Take();
    return {};
  };
  const auto close = [&](Seconds) -> Result<measure::Window> {
    if (!TRY(chaser.Running())) return Fail("the chaser of node {} ended", origin.node);
    const std::vector<double> latencies = windows.Take();
    if (latencies.empty()) return measure::Window{.unfinished = true};
    latest = latencies;
    measure::Window window;
    for (const auto& [near, far] : pairs) {
      window.samples.push_back((latencies[far] - latencies[near]) / latencies.front());
    }
    return window;
  };
  measure::WindowedChecks taken = TRY(context.TakeWindows(kWindow, quantities, open, close));
  std::ranges::move(taken.checks, std::back_inserter(arm.checks));
  std::ranges::move(taken.notes, std::back_inserter(arm.notes));
  for (size_t i = 0; i < memories.size(); ++i) {
    if (!latest.empty()) {
      arm.notes.push_back(fmt::format("node {} to {} ({}): {:.0f} ns a load in {}", origin.node,
                                      nodes[i], Told(memories[i]), latest[i], FormatBytes(set)));
    }
    const auto pages = static_cast<double>(set.value / ::sysconf(_SC_PAGESIZE));
    arm.load.push_back({fmt::format("chase from node {} in node {}", origin.node, nodes[i]),
                        "pages there", pages,
                        static_cast<double>(numa::At(TRY(chaser.Pages(i)), nodes[i]))});
  }
  return {};
}

}  // namespace nodeproof::conformance
