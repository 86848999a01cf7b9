// Reads and writes of fixed blocks of one file through io_uring, a fixed number in flight.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/io/block_ring.h"

namespace nodeproof::bench {

struct RingJob {
  bool write = false;
  bool random = true;
  Bytes block = KiB(4);
  unsigned depth = 1;
};

class Ring {
 public:
  // Opens `file` of `size` with O_DIRECT and fills the queue. Without io_uring it is `unsupported`
  // (harness/io/io_ring.h).
  static Result<std::unique_ptr<Ring>> Open(const std::filesystem::path& file, Bytes size,
                                            const RingJob& job, uint64_t seed);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Waits for one block, starts another in its place, returns how long the finished one took.
  Result<Nanoseconds> Next();

 private:
  Ring(Fd file, Bytes size, const RingJob& job, uint64_t seed, io::BlockRing ring);
  Status Start();

  Fd file_;
  int64_t blocks_;  // in the file
  RingJob job_;
  std::mt19937_64 random_;
  int64_t next_block_ = 0;
  io::BlockRing ring_;
};

}  // namespace nodeproof::bench
