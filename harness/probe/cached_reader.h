// A victim with a working set in the page cache: it reads a file from end to end, over and over.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "harness/cgroup/worker.h"

namespace nodeproof::probe {

struct CachedReaderOptions {
  std::string name = "cached-reader";
  const cgroup::Cgroup* group = nullptr;
  std::filesystem::path file = {};
  // Passes to make before it rests and waits for AllowPasses(); 0 is no end.
  int64_t passes = 0;
};

class CachedReader {
 public:
  static Result<CachedReader> Start(const CachedReaderOptions& options);

  // Returns after the first whole pass.
  Status AwaitFirstPass(Seconds timeout) { return worker_.AwaitReady(timeout); }
  int64_t Passes() const { return worker_.counters().passes; }
  Bytes Read() const { return Bytes{worker_.counters().read_bytes}; }
  // Lets a resting reader make `more` passes.
  void AllowPasses(int64_t more) { worker_.counters().allowed += more; }
  // What the last pass took.
  Nanoseconds LastPass() const { return Nanoseconds(worker_.counters().last_pass_ns); }
  Result<bool> Running() { return worker_.process().Running(); }

  struct Counters {
    std::atomic<int64_t> passes{0};
    std::atomic<int64_t> read_bytes{0};
    std::atomic<int64_t> allowed{0};
    std::atomic<int64_t> last_pass_ns{0};
  };

 private:
  explicit CachedReader(cgroup::Worker<Counters> worker) : worker_(std::move(worker)) {}
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::probe
