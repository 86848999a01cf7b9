// Moving pages from node to node.
#include <numaif.h>

#include <cerrno>

#include "bench/core/context.h"
#include "bench/mechanics/region.h"
#include "bench/numa/numa_benches.h"

namespace nodeproof::bench {
namespace {

constexpr int64_t kPagesMoved = 512;

struct Luggage {
  Region region;
  std::vector<void*> pages;
  int there = 0;
};

Result<Luggage> Pack(int home) {
  Luggage luggage{TRY(Region::Map(KiB(4) * kPagesMoved, Pages::k4K, home)), {}, 0};
  luggage.region.Touch(KiB(4));
  for (int64_t page = 0; page < kPagesMoved; ++page) {
    luggage.pages.push_back(luggage.region.data() + page * 4096);
  }
  return luggage;
}

Status MeasureMove(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const auto& nodes = context.topology().nodes;
  const int ends[] = {nodes.front().id, nodes.back().id};
  Luggage* luggage = TRY(context.Keep<Luggage>([&] { return Pack(ends[0]); }));
  std::vector<int> status(luggage->pages.size());
  for (auto _ : state) {
    luggage->there = 1 - luggage->there;
    const std::vector<int> to(luggage->pages.size(), ends[luggage->there]);
    if (::move_pages(0, luggage->pages.size(), luggage->pages.data(), to.data(), status.data(),
                     MPOL_MF_MOVE) != 0) {
      return FailErrno(errno, "move pages to another NUMA node");
    }
    for (const int node : status) {
      if (node != ends[luggage->there]) {
        return Fail("a page did not move to node {}: {}", ends[luggage->there], node);
      }
    }
  }
  return {};
}

}  // namespace

void AddMigration(Registry& registry) {
  registry.Add({.id = "numa.migrate.512-pages",
                .what = "move_pages of 512 pages of 4 KiB between the first and the last node.",
                .needs = {.numa_nodes = 2},
                .unit = benchmark::kMicrosecond,
                .run = MeasureMove});
}

}  // namespace nodeproof::bench
