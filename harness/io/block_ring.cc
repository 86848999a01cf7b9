#include "harness/io/block_ring.h"

#include <cerrno>
#include <utility>

#include "harness/base/clock.h"

namespace nodeproof::io {
namespace {

constexpr uint64_t kSyncTag = UINT64_MAX;

}  // namespace

BlockMemory MakeBlockMemory(Bytes block, int count) {
  const size_t bytes =
      (static_cast<size_t>(block.value) * static_cast<size_t>(count) + 4095) / 4096 * 4096;
  BlockMemory memory(static_cast<char*>(std::aligned_alloc(4096, bytes)));
  if (!memory) return memory;
  for (size_t i = 0; i < bytes; ++i) memory.get()[i] = static_cast<char>(i * 131 + i / 4096);
  return memory;
}

BlockRing::BlockRing(BlockMemory memory, IoRing ring, int depth, Bytes block)
    : block_(block),
      slots_(static_cast<size_t>(depth)),
      memory_(std::move(memory)),
      ring_(std::move(ring)) {
  for (size_t i = 0; i < slots_.size(); ++i) free_.push_back(slots_.size() - 1 - i);
}

BlockRing::~BlockRing() {
  if (!memory_) return;  // moved from
  (void)Submit();
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::seconds(10);
  while (under_way_ > 0 && clock.Now() < deadline) {
    (void)Wait(Milliseconds(100));
    while (Take()) continue;
  }
  if (under_way_ > 0) (void)memory_.release();
}

Result<BlockRing> BlockRing::Create(int depth, Bytes block) {
  IoRing ring = TRY(IoRing::Create(static_cast<unsigned>(depth)));
  BlockMemory memory = MakeBlockMemory(block, depth);
  if (!memory) return FailErrno(ENOMEM, fmt::format("make room for {} blocks", depth));
  return BlockRing(std::move(memory), std::move(ring), depth, block);
}

void BlockRing::Put(Direction direction, int fd, int64_t offset, Nanoseconds begun) {
  const size_t at = free_.back();
  free_.pop_back();
  slots_[at] = {offset, begun};
  char* memory = memory_.get() + at * static_cast<size_t>(block_.value);
  const auto length = static_cast<unsigned>(block_.value);
  io_uring_sqe* request = ::io_uring_get_sqe(ring_.get());
  if (direction == Direction::kRead) {
    ::io_uring_prep_read(request, fd, memory, length, static_cast<uint64_t>(offset));
  } else {
    ::io_uring_prep_write(request, fd, memory, length, static_cast<uint64_t>(offset));
  }
  request->user_data = at;
  ++under_way_;
}

void BlockRing::PutSync(int fd) {
  io_uring_sqe* request = ::io_uring_get_sqe(ring_.get());
  ::io_uring_prep_fsync(request, fd, 0);
  request->user_data = kSyncTag;
  ++under_way_;
}

int BlockRing::Submit() {
  const int made = ::io_uring_submit(ring_.get());
  return made < 0 ? -made : 0;
}

int BlockRing::Wait(std::optional<Nanoseconds> timeout) {
  io_uring_cqe* done = nullptr;
  if (!timeout) return -::io_uring_wait_cqe(ring_.get(), &done);
  __kernel_timespec most{.tv_sec = timeout->count() / 1'000'000'000,
                         .tv_nsec = timeout->count() % 1'000'000'000};
  return -::io_uring_wait_cqe_timeout(ring_.get(), &done, &most);
}

std::optional<BlockRing::Done> BlockRing::Take() {
  io_uring_cqe* entry = nullptr;
  if (::io_uring_peek_cqe(ring_.get(), &entry) != 0) return std::nullopt;
  Done done;
  done.sync = entry->user_data == kSyncTag;
  if (entry->res < 0) done.error = -entry->res;
  if (!done.sync) {
    const Slot& slot = slots_[entry->user_data];
    done.offset = slot.offset;
    done.begun = slot.begun;
    if (entry->res >= 0 && entry->res != block_.value) done.error = EIO;
    free_.push_back(entry->user_data);
  }
  --under_way_;
  ::io_uring_cqe_seen(ring_.get(), entry);
  return done;
}

}  // namespace nodeproof::io
