// A process that makes the kernel allocate objects on its account: slab memory that no page of its
// own shows.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::stress {

struct SlabGrowthOptions {
  enum class Kind {
    // Looks up names that do not exist: each leaves a negative dentry with a long name behind, 448
    // bytes that the kernel can reclaim (fs/dcache.c: a dentry, and an external name from 32
    // letters on).
    kNegativeDentries,
    // Makes unnamed files in memory and keeps them open: an inode, a dentry and a file each, which
    // nothing can reclaim.
    kHeldInodes,
  };
  std::string name = "slab-growth";
  const cgroup::Cgroup* group = nullptr;
  Kind kind = Kind::kNegativeDentries;
  int64_t count = 0;
  // Where the names are looked up: a file system that keeps negative dentries (ext4; kernfs, so
  // /sys, from 5.15; not tmpfs, not procfs). Nothing is written there.
  std::filesystem::path directory = "/sys/kernel";
  std::optional<int> oom_score_adj = std::nullopt;
};

// What one object takes at the least, on every kernel so far.
inline constexpr int64_t kBytesPerNegativeDentry = 192 + 256;
inline constexpr int64_t kBytesPerHeldInode = 600 + 192 + 200;

class SlabGrowth {
 public:
  static Result<SlabGrowth> Start(const SlabGrowthOptions& options);

  // Returns once `count` objects are made; an error when the process ended first.
  Status AwaitDone(Seconds timeout) { return worker_.AwaitReady(timeout); }
  int64_t Made() const { return worker_.counters().made; }
  Result<bool> Running() { return worker_.process().Running(); }
  cgroup::Process& process() { return worker_.process(); }

  struct Counters {
    std::atomic<int64_t> made{0};
  };

 private:
  explicit SlabGrowth(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::stress
