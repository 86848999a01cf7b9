// A process with anonymous memory that it asks the kernel to place on certain NUMA nodes
// (mbind(2)), and that then stays.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "harness/cgroup/worker.h"
#include "harness/numa/page_map.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::numa {

enum class Policy {
  kDefault,             // none: the node of the CPU that touches a page first
  kBind,                // MPOL_BIND
  kPreferred,           // MPOL_PREFERRED
  kInterleave,          // MPOL_INTERLEAVE
  kWeightedInterleave,  // MPOL_WEIGHTED_INTERLEAVE, kernel 6.9
};

// Asks mbind(2) to place what is mapped at `memory` and not yet touched. Returns 0, or the errno
// with which the kernel refused.
int AskForPolicy(void* memory, size_t size, Policy policy, const std::vector<int>& nodes);

struct PlacedMemoryOptions {
  std::string name = "placed-memory";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};
  Bytes amount{0};
  Policy policy = Policy::kDefault;
  std::vector<int> nodes = {};  // that the policy names
  bool then_free = false;       // once touched, the policy is taken back: pages may go elsewhere
  std::optional<int> oom_score_adj = std::nullopt;
};

class PlacedMemory {
 public:
  static Result<PlacedMemory> Start(const PlacedMemoryOptions& options);

  // Returns once everything is touched; an error when the process ended first.
  Status AwaitFull(Seconds timeout) { return worker_.AwaitReady(timeout); }
  Bytes Touched() const { return {worker_.counters().touched}; }
  // The errno with which the kernel refused the policy; 0: it took it. After a refusal the memory
  // is touched without one.
  int PolicyRefused() const { return worker_.counters().refused; }
  // CPUs that it was seen on while it touched pages; those below 1024.
  CpuSet SeenOn() const;
  // Where its pages are, by move_pages(2) and by numa_maps.
  Result<ByNode> Pages();
  Result<ByNode> Maps();
  // Has it read all its pages: the number that do not hold what was written.
  Result<int64_t> CountSpoiled(Seconds timeout);
  Result<bool> Running() { return worker_.process().Running(); }
  cgroup::Process& process() { return worker_.process(); }
  const std::string& name() const { return worker_.name(); }

  struct Counters {
    std::atomic<int64_t> touched{0};
    std::atomic<uint64_t> base{0};
    std::atomic<int> refused{0};
    std::atomic<int64_t> asked{0};  // times that CountSpoiled was called
    std::atomic<int64_t> answered{0};
    std::atomic<int64_t> spoiled{0};
    std::array<std::atomic<bool>, 1024> seen{};
  };

 private:
  PlacedMemory(Bytes amount, cgroup::Worker<Counters> worker)
      : amount_(amount), worker_(std::move(worker)) {}
  int64_t PageCount() const;
  Bytes amount_;
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::numa
