#include "bench/io/ring.h"

#include <fcntl.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::bench {

Ring::Ring(Fd file, Bytes size, const RingJob& job, uint64_t seed, Region buffers, io::IoRing ring)
    : file_(std::move(file)),
      blocks_(size.value / job.block.value),
      job_(job),
      random_(seed),
      started_(job.depth),
      buffers_(std::move(buffers)),
      ring_(std::move(ring)) {}

Result<std::unique_ptr<Ring>> Ring::Open(const std::filesystem::path& file, Bytes size,
                                         const RingJob& job, uint64_t seed) {
  Fd fd = TRY(OpenAt(AT_FDCWD, file.string(), O_RDWR | O_DIRECT));
  Region buffers = TRY(Region::Map(job.block * static_cast<int64_t>(job.depth), Pages::k4K));
  buffers.Touch(KiB(4));
  io::IoRing made = TRY(io::IoRing::Create(job.depth));
  std::unique_ptr<Ring> ring(
      new Ring(std::move(fd), size, job, seed, std::move(buffers), std::move(made)));
  for (unsigned slot = 0; slot < job.depth; ++slot) TRY(ring->Submit(slot));
  return ring;
}

Status Ring::Submit(unsigned slot) {
  const int64_t block = job_.random
                            ? std::uniform_int_distribution<int64_t>(0, blocks_ - 1)(random_)
                            : next_block_++ % blocks_;
  const auto offset = static_cast<uint64_t>(block * job_.block.value);
  std::byte* buffer = buffers_.data() + slot * job_.block.value;
  io_uring_sqe* entry = ::io_uring_get_sqe(ring_.get());
  const auto size = static_cast<unsigned>(job_.block.value);
  if (job_.write) {
    ::io_uring_prep_write(entry, file_.get(), buffer, size, offset);
  } else {
    ::io_uring_prep_read(entry, file_.get(), buffer, size, offset);
  }
  entry->user_data = slot;
  started_[slot] = MonotonicClock().Now();
  if (const int done = ::io_uring_submit(ring_.get()); done < 0)
    return FailErrno(-done, "submit a block");
  return {};
}

Result<Nanoseconds> Ring::Next() {
  io_uring_cqe* entry = nullptr;
  int code = 0;
  do {
    code = -::io_uring_wait_cqe(ring_.get(), &entry);
  } while (code == EINTR);
  if (code > 0) return FailErrno(code, "wait for a block");
  const auto slot = static_cast<unsigned>(entry->user_data);
  const int result = entry->res;
  ::io_uring_cqe_seen(ring_.get(), entry);
  if (result < 0) return FailErrno(-result, job_.write ? "write a block" : "read a block");
  if (result != job_.block.value) return Fail("a block was cut short: {} bytes", result);
  const Nanoseconds took = MonotonicClock().Now() - started_[slot];
  TRY(Submit(slot));
  return took;
}

}  // namespace nodeproof::bench
