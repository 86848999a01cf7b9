#include "bench/io/ring.h"

#include <fcntl.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::bench {

Ring::Ring(Fd file, Bytes size, const RingJob& job, uint64_t seed, io::BlockRing ring)
    : file_(std::move(file)),
      blocks_(size.value / job.block.value),
      job_(job),
      random_(seed),
      ring_(std::move(ring)) {}

Result<std::unique_ptr<Ring>> Ring::Open(const std::filesystem::path& file, Bytes size,
                                         const RingJob& job, uint64_t seed) {
  Fd fd = TRY(OpenAt(AT_FDCWD, file.string(), O_RDWR | O_DIRECT));
  io::BlockRing made = TRY(io::BlockRing::Create(static_cast<int>(job.depth), job.block));
  std::unique_ptr<Ring> ring(new Ring(std::move(fd), size, job, seed, std::move(made)));
  while (!ring->ring_.full()) TRY(ring->Start());
  return ring;
}

Status Ring::Start() {
  const int64_t block = job_.random
                            ? std::uniform_int_distribution<int64_t>(0, blocks_ - 1)(random_)
                            : next_block_++ % blocks_;
  ring_.Put(job_.write ? io::Direction::kWrite : io::Direction::kRead, file_.get(),
            block * job_.block.value, MonotonicClock().Now());
  if (const int code = ring_.Submit(); code != 0) return FailErrno(code, "submit a block");
  return {};
}

Result<Nanoseconds> Ring::Next() {
  std::optional<io::BlockRing::Done> done;
  while (!(done = ring_.Take())) {
    if (const int code = ring_.Wait(); code != 0 && code != EINTR) {
      return FailErrno(code, "wait for a block");
    }
  }
  if (done->error != 0)
    return FailErrno(done->error, job_.write ? "write a block" : "read a block");
  const Nanoseconds took = MonotonicClock().Now() - done->begun;
  TRY(Start());
  return took;
}

}  // namespace nodeproof::bench
