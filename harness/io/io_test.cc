#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "harness/base/file.h"
#include "harness/io/alignment.h"
#include "harness/io/block_ring.h"
#include "harness/io/disk.h"
#include "harness/io/io_job.h"
#include "harness/io/io_ring.h"

namespace nodeproof::io {
namespace {

using Direction = IoJobOptions::Direction;
using testing::HasSubstr;

// A file of `size` bytes, gone with the object.
class TestFile {
 public:
  explicit TestFile(Bytes size) {
    path_ = std::filesystem::path(testing::TempDir()) /
            fmt::format("nodeproof-io-{}", static_cast<int>(::getpid()));
    EXPECT_TRUE(WriteFileAtomic(path_, std::string(static_cast<size_t>(size.value), 'x')));
  }
  ~TestFile() { std::filesystem::remove(path_); }
  TestFile(const TestFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

bool HasRing() { return IoRing::Create(1).has_value(); }

void AwaitBlocks(IoJob& job, int64_t blocks) {
  const Clock& clock = MonotonicClock();
  while (job.Mark().blocks < blocks && job.Check()) {
    clock.WaitUntil(clock.Now() + Milliseconds(2));
  }
  const Status check = job.Check();
  EXPECT_TRUE(check) << check.error().ToString();
}

TEST(CheckAlignment, SaysWhatWouldFit) {
  EXPECT_TRUE(CheckAlignment("f", Bytes{4096}, Bytes{512}));
  const Status off = CheckAlignment("/data/f", Bytes{1000}, Bytes{512});
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().ToString(),
            "/data/f: direct I/O there goes in multiples of 512 bytes, and 1000 is none; choose a "
            "block of 512 bytes or a multiple, or buffered I/O");
  EXPECT_FALSE(CheckAlignment("f", Bytes{0}, Bytes{512}));
}

TEST(DiskOf, APathOnNoDiskIsUnsupported) {
  const auto disk = DiskOf("/proc");
  ASSERT_FALSE(disk);
  EXPECT_TRUE(disk.error().unsupported);
  EXPECT_THAT(disk.error().message, HasSubstr("/proc is on no block device"));
  EXPECT_FALSE(DiskOf("/no/such/path"));
}

TEST(IoJob, RefusesWhatCannotWork) {
  const TestFile file(KiB(64));
  const auto error = [](const IoJobOptions& options) {
    auto job = IoJob::Start(options);
    return job ? std::string("it started") : job.error().message;
  };
  EXPECT_THAT(error({.file = "/no/such/file", .direct = false}), HasSubstr("/no/such/file"));
  EXPECT_THAT(error({.file = file.path(), .direct = false, .depth = 0}), HasSubstr("depth of 0"));
  EXPECT_THAT(error({.file = file.path(), .direct = false, .block = MiB(1)}),
              HasSubstr("not one block"));
  EXPECT_THAT(error({.file = file.path(), .direct = false, .rate = -1}), HasSubstr("negative"));
}

TEST(IoJob, CountsWhatItReads) {
  if (!HasRing()) GTEST_SKIP() << "no io_uring";
  const TestFile file(KiB(256));
  auto job = IoJob::Start(
      {.file = file.path(), .direct = false, .block = KiB(4), .depth = 8, .blocks = 200});
  ASSERT_TRUE(job) << job.error().ToString();
  AwaitBlocks(*job, 200);
  EXPECT_EQ(job->Mark().done, KiB(800));
  EXPECT_GT(job->Mark().at, Nanoseconds(0));
  EXPECT_EQ(job->Latency().count(), 200u);
  EXPECT_TRUE(job->Running().value());  // it rests
}

TEST(IoJob, WritesAndSyncs) {
  if (!HasRing()) GTEST_SKIP() << "no io_uring";
  const TestFile file(KiB(64));
  auto job = IoJob::Start({.file = file.path(),
                           .direction = Direction::kWrite,
                           .direct = false,
                           .random = true,
                           .block = KiB(4),
                           .depth = 4,
                           .blocks = 20,
                           .fsync_every = 5});
  ASSERT_TRUE(job) << job.error().ToString();
  AwaitBlocks(*job, 20);
  const Clock& clock = MonotonicClock();
  while (job->Fsyncs() < 4) clock.WaitUntil(clock.Now() + Milliseconds(2));
  EXPECT_EQ(job->Fsyncs(), 4);
  EXPECT_EQ(std::filesystem::file_size(file.path()), 64u << 10);
}

TEST(IoJob, CallsNeedNoRing) {
  const TestFile file(KiB(64));
  auto job = IoJob::Start({.file = file.path(),
                           .direction = Direction::kWrite,
                           .direct = false,
                           .block = KiB(4),
                           .calls = true,
                           .blocks = 30,
                           .fsync_every = 10});
  ASSERT_TRUE(job) << job.error().ToString();
  AwaitBlocks(*job, 30);
  EXPECT_EQ(job->Mark().done, KiB(120));
  EXPECT_GE(job->Fsyncs(), 2);
  EXPECT_GT(job->Waited(), Nanoseconds(0));
  EXPECT_FALSE(IoJob::Start(
      {.file = file.path(), .direct = false, .block = KiB(4), .depth = 2, .calls = true}));
}

TEST(IoJob, KeepsToItsRate) {
  if (!HasRing()) GTEST_SKIP() << "no io_uring";
  const TestFile file(KiB(64));
  const Nanoseconds before = MonotonicClock().Now();
  auto job = IoJob::Start({.file = file.path(), .direct = false, .block = KiB(4), .rate = 100});
  ASSERT_TRUE(job) << job.error().ToString();
  AwaitBlocks(*job, 31);
  // The 31st is due 300 ms after the first.
  EXPECT_GE(job->Mark().at - before, Milliseconds(300));
}

TEST(IoJob, WaitsAtTheGate) {
  if (!HasRing()) GTEST_SKIP() << "no io_uring";
  const TestFile file(KiB(64));
  const auto gate = cgroup::StartGate::Create();
  ASSERT_TRUE(gate);
  auto job = IoJob::Start({.file = file.path(), .direct = false, .block = KiB(4), .gate = &*gate});
  ASSERT_TRUE(job) << job.error().ToString();
  ASSERT_TRUE(job->AwaitReady(Seconds(60)));
  EXPECT_EQ(job->Mark().blocks, 0);
  gate->Open();
  AwaitBlocks(*job, 1);
}

TEST(IoJob, TellsWhichBlockFailed) {
  if (!HasRing()) GTEST_SKIP() << "no io_uring";
  const TestFile file(KiB(64));
  auto job = IoJob::Start({.file = file.path(), .direct = false, .block = KiB(4), .rate = 100});
  ASSERT_TRUE(job) << job.error().ToString();
  std::filesystem::resize_file(file.path(), 0);  // every read now comes back short
  const Clock& clock = MonotonicClock();
  while (job->Check()) clock.WaitUntil(clock.Now() + Milliseconds(2));
  EXPECT_THAT(job->Check().error().message, HasSubstr("read 4096 bytes at "));
  EXPECT_THAT(job->Check().error().message, HasSubstr("Input/output error"));
}

// A device writes to a block's memory until the block is done, also when the ring has gone.
TEST(BlockRing, WaitsForWhatIsUnderWay) {
  if (!HasRing()) GTEST_SKIP() << "io_uring cannot be used here";
  constexpr Bytes kBlock{4096};
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd source(ends[0]);
  Fd sink(ends[1]);
  std::atomic<bool> fed = false;
  std::jthread feeder;
  {
    auto ring = BlockRing::Create(2, kBlock);
    ASSERT_TRUE(ring) << ring.error().ToString();
    ring->Put(io::Direction::kRead, source.get(), 0, Nanoseconds{0});
    ASSERT_EQ(ring->Submit(), 0);
    EXPECT_EQ(ring->under_way(), 1);
    EXPECT_FALSE(ring->Take());
    feeder = std::jthread([&] {
      MonotonicClock().WaitUntil(MonotonicClock().Now() + Milliseconds(50));
      fed = true;
      EXPECT_TRUE(WriteAll(sink.get(), std::string(4096, 'x'), "the pipe"));
    });
  }
  EXPECT_TRUE(fed) << "the ring went while its block was under way";
}

TEST(BlockRing, TellsWhatWasCutShort) {
  if (!HasRing()) GTEST_SKIP() << "io_uring cannot be used here";
  const TestFile file(Bytes{6000});
  const Fd opened = OpenAt(AT_FDCWD, file.path(), O_RDONLY).value();
  auto ring = BlockRing::Create(2, Bytes{4096});
  ASSERT_TRUE(ring) << ring.error().ToString();
  ring->Put(io::Direction::kRead, opened.get(), 0, Nanoseconds{1});
  ring->Put(io::Direction::kRead, opened.get(), 4096, Nanoseconds{2});
  EXPECT_TRUE(ring->full());
  ASSERT_EQ(ring->Submit(), 0);
  while (ring->under_way() > 0) {
    ASSERT_EQ(ring->Wait(), 0);
    while (const auto done = ring->Take()) {
      EXPECT_EQ(done->error, done->offset == 0 ? 0 : EIO);
      EXPECT_EQ(done->begun, Nanoseconds{done->offset == 0 ? 1 : 2});
    }
  }
  EXPECT_FALSE(ring->full());
}

}  // namespace
}  // namespace nodeproof::io
