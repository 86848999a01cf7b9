// A victim that serves requests, one every few milliseconds: each reads a part of a cached file and
// touches some fresh memory. It notes how long each took, and whether it had to sleep for it.
#pragma once

#include <array>
#include <atomic>
#include <filesystem>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct RequestServerOptions {
  std::string name = "server";
  const cgroup::Cgroup* group = nullptr;
  std::filesystem::path file = {};  // read in parts of 64 KiB, from end to end, over and over
  Nanoseconds interval = Milliseconds(2);
  Bytes fresh = KiB(256);  // memory that each request touches and gives back
};

class RequestServer {
 public:
  static Result<RequestServer> Start(const RequestServerOptions& options);

  // Returns after it has read the whole file once.
  Status AwaitFirstPass(Seconds timeout) { return worker_.AwaitReady(timeout); }
  int64_t Served() const { return worker_.counters().served; }
  // Of those, how many had to sleep: for the disk, or because the kernel held them up. A request
  // that was preempted did not sleep.
  int64_t Slept() const { return worker_.counters().slept; }
  // The time below which 99 % of the requests from number `first` on were served; of the last 4096
  // at the most.
  Nanoseconds Percentile99(int64_t first) const;
  Result<bool> Running() { return worker_.process().Running(); }

  static constexpr int64_t kKept = 4096;
  struct Counters {
    std::atomic<int64_t> served{0};
    std::atomic<int64_t> slept{0};
    std::array<std::atomic<int64_t>, kKept> took_ns{};
  };

 private:
  explicit RequestServer(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
