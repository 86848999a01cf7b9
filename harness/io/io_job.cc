#include "harness/io/io_job.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/io/alignment.h"
#include "harness/io/io_ring.h"

namespace nodeproof::io {
namespace {

using Direction = IoJobOptions::Direction;

constexpr int kExitIoFailed = 117;
constexpr int kMostDepth = 4096;
constexpr uint64_t kFsyncTag = UINT64_MAX;

int OpenFlags(const IoJobOptions& options) {
  return (options.direction == Direction::kRead ? O_RDONLY : O_WRONLY) |
         (options.direct ? O_DIRECT : 0);
}

Result<Fd> OpenFile(const IoJobOptions& options) {
  auto file = OpenAt(AT_FDCWD, options.file.string(), OpenFlags(options));
  if (!file && options.direct && file.error().code == EINVAL) {
    file.error().hint = "the file system knows no direct I/O: use buffered I/O, or one on a disk";
  }
  return file;
}

// The blocks of the file; what cannot work is an Error.
Result<int64_t> BlocksOf(const IoJobOptions& options, const Fd& file) {
  const std::string name = options.file.string();
  if (options.depth < 1 || options.depth > kMostDepth) {
    return Fail("{}: a depth of {} is none: it is 1 to {}", options.name, options.depth,
                kMostDepth);
  }
  if (options.calls && options.depth != 1) {
    return Fail("{}: pread(2) and pwrite(2) have one block under way, not {}", options.name,
                options.depth);
  }
  if (options.block.value <= 0 || options.rate < 0 || options.blocks < 0 ||
      options.fsync_every < 0) {
    return Fail("{}: block must be positive, rate, blocks and fsync_every not negative",
                options.name);
  }
  if (options.direct) {
    TRY(CheckAlignment(name, options.block, TRY(DirectAlignment(file.get(), name))));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return FailErrno(errno, "stat " + name);
  const int64_t blocks = int64_t{status.st_size} / options.block.value;
  if (blocks == 0) {
    return Fail("{} has {} bytes, not one block of {}", name, int64_t{status.st_size},
                options.block.value);
  }
  return blocks;
}

// The child's side: requests under way, and the next one to make.
class Stream {
 public:
  Stream(const IoJobOptions& options, int64_t file_blocks, const Fd& file,
         std::optional<IoRing> ring, IoJob::Counters& counters)
      : options_(options),
        file_blocks_(file_blocks),
        file_(file),
        ring_(std::move(ring)),
        counters_(counters),
        random_(options.seed),
        slots_(static_cast<size_t>(options.depth)) {
    for (size_t i = 0; i < slots_.size(); ++i) free_.push_back(slots_.size() - 1 - i);
  }

  // False without memory for the blocks.
  bool Prepare() {
    const auto block = static_cast<size_t>(options_.block.value);
    const size_t bytes = (block * slots_.size() + 4095) / 4096 * 4096;
    buffer_.reset(static_cast<char*>(std::aligned_alloc(4096, bytes)));
    if (!buffer_) return false;
    // Not zeros: a device may keep those without storing them.
    for (size_t i = 0; i < bytes; ++i) buffer_.get()[i] = static_cast<char>(i * 131 + i / 4096);
    return true;
  }

  // The same without a ring.
  int RunCalls() {
    begun_ = clock_.Now();
    while (!AllMade()) {
      const Nanoseconds due = NextDue();
      if (due > clock_.Now()) clock_.WaitUntil(due);
      const int64_t offset = NextOffset();
      ++made_;
      const Nanoseconds before = clock_.Now();
      if (const int failed = Call(offset); failed != 0) return failed;
      const Nanoseconds now = clock_.Now();
      counters_.waited_ns += (now - before).count();
      Count(options_.rate > 0 ? due : before, now);
      if (!SyncDue()) continue;
      if (::fsync(file_.get()) != 0) return Failed(errno, -1);
      ++counters_.fsyncs;
    }
    return 0;
  }

  // Runs until all blocks are done; 0, or what failed is in the counters.
  int Run() {
    begun_ = clock_.Now();
    while (!Finished()) {
      Fill();
      if (const int made = ::io_uring_submit(ring_->get()); made < 0) return Failed(-made, 0);
      if (under_way_ == 0) {  // ahead of its rate
        clock_.WaitUntil(NextDue());
        continue;
      }
      if (const int failed = Reap(); failed != 0) return failed;
    }
    return 0;
  }

 private:
  struct Slot {
    int64_t offset = 0;
    Nanoseconds begun{0};
  };
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  // Where the next block is.
  int64_t NextOffset() {
    const int64_t block = options_.random
                              ? std::uniform_int_distribution<int64_t>(0, file_blocks_ - 1)(random_)
                              : made_ % file_blocks_;
    return block * options_.block.value;
  }
  // After the block that was made last.
  bool SyncDue() const { return options_.fsync_every > 0 && made_ % options_.fsync_every == 0; }

  int Call(int64_t offset) {
    const auto length = static_cast<size_t>(options_.block.value);
    const ssize_t moved = options_.direction == Direction::kRead
                              ? ::pread(file_.get(), buffer_.get(), length, offset)
                              : ::pwrite(file_.get(), buffer_.get(), length, offset);
    if (moved < 0) return Failed(errno, offset);
    return moved == options_.block.value ? 0 : Failed(EIO, offset);
  }

  void Count(Nanoseconds begun, Nanoseconds now) {
    counters_.latency.Add(now - begun);
    ++counters_.version;
    counters_.bytes += options_.block.value;
    ++counters_.blocks;
    counters_.at_ns = now.count();
    ++counters_.version;
  }

  bool AllMade() const { return options_.blocks > 0 && made_ == options_.blocks; }
  bool Finished() const { return AllMade() && under_way_ == 0 && !fsync_due_; }
  Nanoseconds NextDue() const {
    if (options_.rate <= 0) return Nanoseconds(0);
    return begun_ + std::chrono::duration_cast<Nanoseconds>(
                        Seconds(static_cast<double>(made_) / options_.rate));
  }

  // Makes all requests that may be made now.
  void Fill() {
    while (!free_.empty() && !AllMade() && !fsync_due_) {
      const Nanoseconds now = clock_.Now();
      const Nanoseconds due = NextDue();
      if (due > now) return;
      Make(options_.rate > 0 ? due : now);
    }
    if (fsync_due_ && under_way_ == 0) {
      io_uring_sqe* request = ::io_uring_get_sqe(ring_->get());
      ::io_uring_prep_fsync(request, file_.get(), 0);
      request->user_data = kFsyncTag;
      ++under_way_;
    }
  }

  void Make(Nanoseconds begun) {
    const size_t at = free_.back();
    free_.pop_back();
    slots_[at] = {NextOffset(), begun};
    char* memory = buffer_.get() + at * static_cast<size_t>(options_.block.value);
    const auto length = static_cast<unsigned>(options_.block.value);
    const auto offset = static_cast<uint64_t>(slots_[at].offset);
    io_uring_sqe* request = ::io_uring_get_sqe(ring_->get());
    if (options_.direction == Direction::kRead) {
      ::io_uring_prep_read(request, file_.get(), memory, length, offset);
    } else {
      ::io_uring_prep_write(request, file_.get(), memory, length, offset);
    }
    request->user_data = at;
    ++made_;
    ++under_way_;
    fsync_due_ = SyncDue();
  }

  // Waits for a request to complete, or for the next one to be due; takes all that have completed.
  int Reap() {
    io_uring_cqe* done = nullptr;
    const Nanoseconds before = clock_.Now();
    int waited = 0;
    if (options_.rate > 0 && !free_.empty() && !AllMade() && !fsync_due_) {
      const auto left = std::max(NextDue() - before, Nanoseconds(1));
      __kernel_timespec timeout{.tv_sec = left.count() / 1'000'000'000,
                                .tv_nsec = left.count() % 1'000'000'000};
      waited = ::io_uring_wait_cqe_timeout(ring_->get(), &done, &timeout);
    } else {
      waited = ::io_uring_wait_cqe(ring_->get(), &done);
    }
    const Nanoseconds now = clock_.Now();
    counters_.waited_ns += (now - before).count();
    if (waited == -ETIME || waited == -EINTR) return 0;
    if (waited < 0) return Failed(-waited, 0);
    for (; done != nullptr; done = Next()) {
      if (const int failed = Take(*done, now); failed != 0) return failed;
      ::io_uring_cqe_seen(ring_->get(), done);
    }
    return 0;
  }

  io_uring_cqe* Next() {
    io_uring_cqe* next = nullptr;
    return ::io_uring_peek_cqe(ring_->get(), &next) == 0 ? next : nullptr;
  }

  int Take(const io_uring_cqe& done, Nanoseconds now) {
    --under_way_;
    if (done.user_data == kFsyncTag) {
      if (done.res < 0) return Failed(-done.res, -1);
      fsync_due_ = false;
      ++counters_.fsyncs;
      return 0;
    }
    const Slot& slot = slots_[done.user_data];
    if (done.res < 0) return Failed(-done.res, slot.offset);
    if (done.res != options_.block.value) return Failed(EIO, slot.offset);
    Count(slot.begun, now);
    free_.push_back(done.user_data);
    return 0;
  }

  int Failed(int code, int64_t offset) {
    counters_.failed_at = offset;
    counters_.failed = code;
    return kExitIoFailed;
  }

  const IoJobOptions& options_;
  const int64_t file_blocks_;
  const Fd& file_;
  std::optional<IoRing> ring_;  // none for calls
  IoJob::Counters& counters_;
  const Clock& clock_ = MonotonicClock();
  std::mt19937_64 random_;
  std::unique_ptr<char, Free> buffer_;
  std::vector<Slot> slots_;
  std::vector<size_t> free_;  // of slots_
  Nanoseconds begun_{0};
  int64_t made_ = 0;
  int under_way_ = 0;
  bool fsync_due_ = false;
};

int RunJob(const IoJobOptions& options, int64_t blocks, const Fd& file, IoJob::Counters& counters,
           const cgroup::ReadySignal& ready) {
  std::optional<IoRing> ring;
  if (!options.calls) {
    auto created = IoRing::Create(static_cast<unsigned>(options.depth));
    if (!created) {
      counters.failed = created.error().code;
      return kExitIoFailed;
    }
    ring.emplace(std::move(*created));
  }
  Stream stream(options, blocks, file, std::move(ring), counters);
  if (!stream.Prepare()) {
    counters.failed = ENOMEM;
    return kExitIoFailed;
  }
  ready.Notify();
  if (options.gate != nullptr) options.gate->Await();
  const int failed = options.calls ? stream.RunCalls() : stream.Run();
  if (failed != 0) return failed;
  for (;;) ::pause();
}

}  // namespace

Result<IoJob> IoJob::Start(const IoJobOptions& options) {
  const Fd file = TRY(OpenFile(options));
  const int64_t blocks = TRY(BlocksOf(options, file));
  if (!options.calls) TRY(IoRing::Create(1));  // a clear error here rather than a child that ends
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .affinity = options.affinity},
      [&](Counters& counters, const cgroup::ReadySignal& ready) {
        return RunJob(options, blocks, file, counters, ready);
      }));
  return IoJob(options, std::move(worker));
}

Status IoJob::AwaitReady(Seconds timeout) {
  if (auto ready = worker_.AwaitReady(timeout); !ready) {
    TRY(Check());
    return ready;
  }
  return {};
}

IoMark IoJob::Mark() const {
  const Counters& counters = worker_.counters();
  for (;;) {
    const uint64_t before = counters.version;
    const IoMark mark{{counters.bytes}, counters.blocks, Nanoseconds(counters.at_ns)};
    if (before % 2 == 0 && counters.version == before) return mark;
    // The writer may stand still in between, and the reader may have the CPU that it needs.
    MonotonicClock().WaitUntil(MonotonicClock().Now() + Microseconds(50));
  }
}

Status IoJob::Check() {
  const Counters& counters = worker_.counters();
  if (const int code = counters.failed; code != 0) {
    const std::string what =
        counters.failed_at < 0
            ? std::string("fsync")
            : fmt::format("{} {} bytes at {}",
                          options_.direction == Direction::kRead ? "read" : "write",
                          options_.block.value, int64_t{counters.failed_at});
    return FailErrno(code,
                     fmt::format("{}: {} of {}", options_.name, what, options_.file.string()));
  }
  if (!TRY(worker_.process().Running())) {
    return Fail("{} ended: {}", options_.name, TRY(worker_.process().Wait(Seconds(1))).ToString());
  }
  return {};
}

}  // namespace nodeproof::io
