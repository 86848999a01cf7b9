// A process that maps huge pages and touches them one by one: it tells whether it got the mapping,
// how many pages it could touch, and on which NUMA node they are. A page that it may not have ends
// it with SIGBUS.
#pragma once

#include <array>
#include <atomic>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct HugePageUserOptions {
  std::string name = "huge-page-user";
  const cgroup::Cgroup* group = nullptr;
  Bytes page_size = MiB(2);
  int64_t pages = 1;
  // Whether the mapping reserves its pages (without MAP_NORESERVE).
  bool reserve = true;
  // Whether it touches its pages at once, or when TouchNow() says so.
  bool touch = true;
};

class HugePageUser {
 public:
  static constexpr size_t kMostNodes = 16;

  static Result<HugePageUser> Start(const HugePageUserOptions& options);

  // Returns when it has mapped and touched all that it wants or was refused, by ENOMEM or by
  // SIGBUS; an error if it did neither within `timeout` (code ETIMEDOUT) or ended otherwise.
  Status AwaitDone(Seconds timeout);
  // 0, or the errno of mmap(2).
  int MapError() const { return worker_.counters().map_error; }
  int64_t Touched() const { return worker_.counters().touched; }
  bool DiedOfSigbus() const { return sigbus_; }
  // Of a user that waits to touch its pages.
  void TouchNow() { worker_.counters().may_touch = 1; }
  // Pages that it touched on this node; 0 for a node from kMostNodes on.
  int64_t OnNode(size_t node) const {
    return node < kMostNodes ? worker_.counters().on_node[node].load() : 0;
  }

  struct Counters {
    std::atomic<int> mapped{0};
    std::atomic<int> map_error{0};
    std::atomic<int> may_touch{0};
    std::atomic<int64_t> touched{0};
    std::atomic<int> done{0};
    std::array<std::atomic<int64_t>, kMostNodes> on_node{};
  };

 private:
  HugePageUser(cgroup::Worker<Counters> worker, bool touch)
      : worker_(std::move(worker)), touch_(touch) {}

  cgroup::Worker<Counters> worker_;
  bool touch_;
  bool sigbus_ = false;
};

}  // namespace nodeproof::probe
