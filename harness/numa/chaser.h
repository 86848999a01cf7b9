// A process that chases pointers through memory of several NUMA nodes by turns, and tells how long
// a load from each takes. What slows it down meets them all alike.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "harness/cgroup/worker.h"
#include "harness/numa/page_map.h"

namespace nodeproof::numa {

struct ChaserOptions {
  std::string name = "chaser";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  std::vector<int> nodes = {};  // bound to each (MPOL_BIND), at most Chaser::kMost of them
  Bytes working_set{0};         // on each, a multiple of the page's size
  uint64_t seed = 1;
};

class Chaser {
 public:
  static constexpr size_t kMost = 16;
  static constexpr int64_t kLinksAtOnce = 20'000;  // of a turn: some milliseconds

  static Result<Chaser> Start(const ChaserOptions& options);

  // Returns once it chases; an error says what it could not map, bind or link.
  Status AwaitReady(Seconds timeout);
  // Where the memory is that it asked for as number `index`.
  Result<ByNode> Pages(size_t index);
  // What it did in memory number `index` so far, in CPU time: waits for the CPU do not count.
  int64_t Links(size_t index) const { return worker_.counters().lanes[index].links; }
  Nanoseconds Took(size_t index) const {
    return Nanoseconds(worker_.counters().lanes[index].took_ns);
  }
  Result<bool> Running() { return worker_.process().Running(); }

  struct Lane {
    std::atomic<uint64_t> base{0};
    std::atomic<int64_t> links{0};
    std::atomic<int64_t> took_ns{0};
  };
  struct Counters {
    std::array<Lane, kMost> lanes{};
    std::atomic<int> refused{0};  // errno of mmap(2) or mbind(2)
  };

 private:
  Chaser(Bytes working_set, cgroup::Worker<Counters> worker)
      : working_set_(working_set), worker_(std::move(worker)) {}
  Bytes working_set_;
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::numa
