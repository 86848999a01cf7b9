// A process that reads or writes a file, through io_uring or by pread(2) and pwrite(2): a stream of
// blocks, a number of them under way at once, direct or buffered, as fast as they complete or at a
// rate. It tells how far it is, when it got there, and how long each block took.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "harness/cgroup/worker.h"
#include "harness/io/block_ring.h"
#include "harness/measure/histogram.h"

namespace nodeproof::io {

struct IoJobOptions {
  using Direction = io::Direction;
  std::string name = "io-job";
  const cgroup::Cgroup* group = nullptr;
  CpuSet affinity = {};             // empty: as the cgroup allows
  std::filesystem::path file = {};  // an existing one; it never grows
  Direction direction = Direction::kRead;
  bool direct = true;   // O_DIRECT; false: through the page cache
  bool random = false;  // blocks in an order drawn from `seed`, else one after the other
  Bytes block = KiB(16);
  int depth = 1;  // requests under way at once, 1 … 4096
  // pread(2) and pwrite(2), so one at a time: a wait that every kernel counts as one for I/O.
  bool calls = false;
  double rate = 0;     // blocks a second, evenly spaced; 0: as fast as they complete
  int64_t blocks = 0;  // in all, then it rests; 0: no end
  // After so many blocks it waits for those under way and calls fsync; 0: never.
  int64_t fsync_every = 0;
  uint64_t seed = 1;
  const cgroup::StartGate* gate = nullptr;  // it waits here before its first block
};

// How far a job is.
struct IoMark {
  Bytes done{0};
  int64_t blocks = 0;
  Nanoseconds at{0};  // when the last of them completed, CLOCK_MONOTONIC; 0 before the first
};

class IoJob {
 public:
  // Errors: the file cannot be opened; the block does not fit direct I/O on it (what would fit is
  // said) or is larger than the file; no io_uring (`unsupported`).
  static Result<IoJob> Start(const IoJobOptions& options);

  // Returns once it could start: with a gate, once it waits there.
  Status AwaitReady(Seconds timeout);
  IoMark Mark() const;
  // Of each block, from when it was due (with a rate) or handed to the kernel until it completed.
  // What a process does not ask for while it waits for a late block still counts as late.
  measure::Histogram& Latency() { return worker_.counters().latency; }
  int64_t Fsyncs() const { return worker_.counters().fsyncs; }
  // Time in which it had nothing to do but wait for blocks under way.
  Nanoseconds Waited() const { return Nanoseconds(worker_.counters().waited_ns); }
  Result<bool> Running() { return worker_.process().Running(); }
  // An Error with the block that failed, or with how the process ended; fine while it runs.
  Status Check();
  const IoJobOptions& options() const { return options_; }
  cgroup::Process& process() { return worker_.process(); }

  struct Counters {
    std::atomic<uint64_t> version{0};  // odd while the mark is being written
    std::atomic<int64_t> bytes{0};
    std::atomic<int64_t> blocks{0};
    std::atomic<int64_t> at_ns{0};
    std::atomic<int64_t> fsyncs{0};
    std::atomic<int64_t> waited_ns{0};
    std::atomic<int> failed{0};  // errno of a block
    std::atomic<int64_t> failed_at{0};
    measure::Histogram latency;
  };

 private:
  IoJob(IoJobOptions options, cgroup::Worker<Counters> worker)
      : options_(std::move(options)), worker_(std::move(worker)) {}
  IoJobOptions options_;
  cgroup::Worker<Counters> worker_;
};

}  // namespace nodeproof::io
