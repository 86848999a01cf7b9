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
#include "harness/io/block_ring.h"

namespace nodeproof::io {
namespace {

constexpr int kExitIoFailed = 117;
constexpr int kMostDepth = 4096;

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
         std::optional<BlockRing> ring, IoJob::Counters& counters)
      : options_(options),
        file_blocks_(file_blocks),
        file_(file),
        ring_(std::move(ring)),
        counters_(counters),
        random_(options.seed) {}

  // Runs until all blocks are done; 0, or what failed is in the counters.
  int Run() {
    begun_ = clock_.Now();
    while (!Finished()) {
      Fill();
      if (const int code = ring_->Submit(); code != 0) return Failed(code, 0);
      if (ring_->under_way() == 0) {  // ahead of its rate
        clock_.WaitUntil(NextDue());
        continue;
      }
      if (const int failed = Reap(); failed != 0) return failed;
    }
    return 0;
  }

  // The same without a ring, in `memory` of one block.
  int RunCalls(char* memory) {
    begun_ = clock_.Now();
    while (!AllMade()) {
      const Nanoseconds due = NextDue();
      if (due > clock_.Now()) clock_.WaitUntil(due);
      const int64_t offset = NextOffset();
      ++made_;
      const Nanoseconds before = clock_.Now();
      if (const int failed = Call(memory, offset); failed != 0) return failed;
      const Nanoseconds now = clock_.Now();
      counters_.waited_ns += (now - before).count();
      Count(options_.rate > 0 ? due : before, now);
      if (!SyncDue()) continue;
      if (::fsync(file_.get()) != 0) return Failed(errno, -1);
      ++counters_.fsyncs;
    }
    return 0;
  }

 private:
  // Where the next block is.
  int64_t NextOffset() {
    const int64_t block = options_.random
                              ? std::uniform_int_distribution<int64_t>(0, file_blocks_ - 1)(random_)
                              : made_ % file_blocks_;
    return block * options_.block.value;
  }
  // After the block that was made last.
  bool SyncDue() const { return options_.fsync_every > 0 && made_ % options_.fsync_every == 0; }

  int Call(char* memory, int64_t offset) {
    const auto length = static_cast<size_t>(options_.block.value);
    const ssize_t moved = options_.direction == Direction::kRead
                              ? ::pread(file_.get(), memory, length, offset)
                              : ::pwrite(file_.get(), memory, length, offset);
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
  bool Finished() const { return AllMade() && ring_->under_way() == 0 && !fsync_due_; }
  Nanoseconds NextDue() const {
    if (options_.rate <= 0) return Nanoseconds(0);
    return begun_ + std::chrono::duration_cast<Nanoseconds>(
                        Seconds(static_cast<double>(made_) / options_.rate));
  }

  // Makes all requests that may be made now.
  void Fill() {
    while (!ring_->full() && !AllMade() && !fsync_due_) {
      const Nanoseconds now = clock_.Now();
      const Nanoseconds due = NextDue();
      if (due > now) return;
      ring_->Put(options_.direction, file_.get(), NextOffset(), options_.rate > 0 ? due : now);
      ++made_;
      fsync_due_ = SyncDue();
    }
    if (fsync_due_ && ring_->under_way() == 0) ring_->PutSync(file_.get());
  }

  // Waits for a request to complete, or for the next one to be due; takes all that have completed.
  int Reap() {
    const Nanoseconds before = clock_.Now();
    std::optional<Nanoseconds> most;
    if (options_.rate > 0 && !ring_->full() && !AllMade() && !fsync_due_) {
      most = std::max(NextDue() - before, Nanoseconds(1));
    }
    const int code = ring_->Wait(most);
    const Nanoseconds now = clock_.Now();
    counters_.waited_ns += (now - before).count();
    if (code == ETIME || code == EINTR) return 0;
    if (code != 0) return Failed(code, 0);
    while (const auto done = ring_->Take()) {
      if (done->error != 0) return Failed(done->error, done->sync ? -1 : done->offset);
      if (done->sync) {
        fsync_due_ = false;
        ++counters_.fsyncs;
      } else {
        Count(done->begun, now);
      }
    }
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
  std::optional<BlockRing> ring_;  // none for calls
  IoJob::Counters& counters_;
  const Clock& clock_ = MonotonicClock();
  std::mt19937_64 random_;
  Nanoseconds begun_{0};
  int64_t made_ = 0;
  bool fsync_due_ = false;
};

int RunJob(const IoJobOptions& options, int64_t blocks, const Fd& file, IoJob::Counters& counters,
           const cgroup::ReadySignal& ready) {
  std::optional<BlockRing> ring;
  BlockMemory memory;
  if (options.calls) {
    memory = MakeBlockMemory(options.block, 1);
    if (!memory) counters.failed = ENOMEM;
  } else {
    auto created = BlockRing::Create(options.depth, options.block);
    if (created) {
      ring.emplace(std::move(*created));
    } else {
      counters.failed = created.error().code;
    }
  }
  if (counters.failed != 0) return kExitIoFailed;
  Stream stream(options, blocks, file, std::move(ring), counters);
  ready.Notify();
  if (options.gate != nullptr) options.gate->Await();
  const int failed = options.calls ? stream.RunCalls(memory.get()) : stream.Run();
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
