#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/forker.h"
#include "harness/probe/huge_page_user.h"
#include "harness/probe/placement.h"
#include "harness/probe/request_server.h"
#include "harness/probe/residency.h"
#include "harness/probe/scratch_file.h"
#include "harness/probe/wait_meter.h"

namespace nodeproof::probe {
namespace {

TEST(Placement, SeesOnlyAllowedCpus) {
  auto probe = Placement::Start({});
  ASSERT_TRUE(probe) << probe.error().message;
  ASSERT_TRUE(probe->AwaitReady(Seconds(60)));
  const Clock& clock = MonotonicClock();
  while (probe->Seen().empty()) clock.WaitUntil(clock.Now() + Milliseconds(5));
  cpu_set_t own;
  ::sched_getaffinity(0, sizeof own, &own);
  for (const auto& [cpu, count] : probe->Seen()) {
    EXPECT_TRUE(CPU_ISSET(static_cast<size_t>(cpu), &own)) << cpu;
    EXPECT_GT(count, 0u);
  }
}

TEST(Placement, NapsAndTriesToFlee) {
  cpu_set_t own;
  ::sched_getaffinity(0, sizeof own, &own);
  CpuSet allowed;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &own)) allowed.Insert(cpu);
  }
  auto probe = Placement::Start({.naps = true, .flees_to = allowed});
  ASSERT_TRUE(probe) << probe.error().message;
  ASSERT_TRUE(probe->AwaitReady(Seconds(60)));
  const Clock& clock = MonotonicClock();
  while (probe->Naps() < 5) clock.WaitUntil(clock.Now() + Milliseconds(5));
  EXPECT_GE(probe->Samples(), 5u * Placement::kSamplesAwake);
  EXPECT_GE(probe->Attempts(), 5u);
  EXPECT_GT(probe->Escapes(), 0u);  // nothing keeps it from the CPUs that it has already
  EXPECT_TRUE(probe->Running().value());
}

TEST(WaitMeter, WaitsForWhoSharesItsCpu) {
  cpu_set_t own;
  ::sched_getaffinity(0, sizeof own, &own);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<size_t>(cpu), &own)) ++cpu;
  auto first = WaitMeter::Start({.affinity = CpuSet{cpu}});
  if (!first && first.error().unsupported) GTEST_SKIP() << first.error().message;
  ASSERT_TRUE(first) << first.error().message;
  auto second = WaitMeter::Start({.affinity = CpuSet{cpu}});
  ASSERT_TRUE(second) << second.error().message;
  ASSERT_TRUE(first->AwaitReady(Seconds(60)));
  ASSERT_TRUE(second->AwaitReady(Seconds(60)));
  const Clock& clock = MonotonicClock();
  while (first->Waited() < Milliseconds(20)) clock.WaitUntil(clock.Now() + Milliseconds(5));
  EXPECT_GT(first->TakeLongest(), Microseconds(100));
  EXPECT_GT(first->Rounds(), 0u);
}

TEST(ScratchFile, IsUncachedUntilItIsRead) {
  const auto file = ScratchFile::Write(testing::TempDir(), MiB(4));
  if (!file && (file.error().code == EINVAL || file.error().code == EOPNOTSUPP)) {
    GTEST_SKIP() << "the temporary directory's file system has no direct I/O or unnamed files";
  }
  ASSERT_TRUE(file) << file.error().message;
  const auto residency = Residency::Open(file->path());
  ASSERT_TRUE(residency) << residency.error().message;
  EXPECT_EQ(residency->size(), MiB(4));
  EXPECT_EQ(residency->Resident().value(), Bytes{0});

  auto reader = CachedReader::Start({.file = file->path()});
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->AwaitFirstPass(Seconds(60)));
  EXPECT_EQ(residency->Resident().value(), MiB(4));
  EXPECT_GE(reader->Passes(), 1);
}

TEST(ScratchFile, HolesTakeNoBlockAndAreCachedWhenRead) {
  const auto file = ScratchFile::Holes(testing::TempDir(), MiB(2));
  if (!file && file.error().code == EOPNOTSUPP) GTEST_SKIP() << "no unnamed files here";
  ASSERT_TRUE(file) << file.error().message;
  struct stat status {};
  ASSERT_EQ(::stat(file->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_blocks, 0);
  EXPECT_EQ(status.st_size, MiB(2).value);
  EXPECT_FALSE(ScratchFile::Holes("/no/such/directory", MiB(1)));
}

TEST(ScratchFile, ErrorsNameTheDirectory) {
  EXPECT_FALSE(ScratchFile::Write(testing::TempDir(), Bytes{1000}));
  const auto nowhere = ScratchFile::Write("/no/such/directory", MiB(1));
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().message.find("/no/such/directory"), std::string::npos);
  EXPECT_FALSE(Residency::Open("/no/such/file"));
}

TEST(CachedReader, RestsUntilItMayGoOn) {
  const auto file = MemoryFile("reader", true);
  ASSERT_TRUE(file);
  ASSERT_TRUE(WriteAll(file->get(), std::string(1 << 20, 'a'), "reader"));
  auto reader =
      CachedReader::Start({.file = fmt::format("/proc/self/fd/{}", file->get()), .passes = 2});
  ASSERT_TRUE(reader);
  const Clock& clock = MonotonicClock();
  const auto until = [&](int64_t passes) {
    while (reader->Passes() < passes) clock.WaitUntil(clock.Now() + Milliseconds(1));
  };
  until(2);
  clock.WaitUntil(clock.Now() + Milliseconds(50));
  EXPECT_EQ(reader->Passes(), 2);
  EXPECT_GT(reader->LastPass(), Nanoseconds(0));
  reader->AllowPasses(1);
  until(3);
  EXPECT_TRUE(reader->Running().value());
}

TEST(RequestServer, ServesCachedRequestsWithoutSleeping) {
  const auto file = MemoryFile("served", true);
  ASSERT_TRUE(file);
  ASSERT_TRUE(WriteAll(file->get(), std::string(1 << 20, 'a'), "served"));
  auto server = RequestServer::Start({.file = fmt::format("/proc/self/fd/{}", file->get())});
  ASSERT_TRUE(server) << server.error().message;
  ASSERT_TRUE(server->AwaitFirstPass(Seconds(60)));
  const Clock& clock = MonotonicClock();
  while (server->Served() < 50) clock.WaitUntil(clock.Now() + Milliseconds(1));
  EXPECT_EQ(server->Slept(), 0);
  EXPECT_GT(server->Percentile99(0), Nanoseconds(0));
  EXPECT_TRUE(server->Running().value());
}

TEST(CachedReader, AMissingFileIsAnEndBeforeTheFirstPass) {
  auto reader = CachedReader::Start({.file = "/no/such/file"});
  ASSERT_TRUE(reader);
  const auto ready = reader->AwaitFirstPass(Seconds(60));
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.find("exit 119"), std::string::npos);
}

TEST(Forker, CountsItsForksAndStartsAnew) {
  auto forker = Forker::Start({.interval = Microseconds(100)});
  ASSERT_TRUE(forker) << forker.error().message;
  ASSERT_TRUE(forker->AwaitReady(Seconds(60)));
  const Clock& clock = MonotonicClock();
  while (forker->Forks() < 5) clock.WaitUntil(clock.Now() + Milliseconds(1));
  EXPECT_EQ(forker->Failures(), 0);
  EXPECT_GT(forker->Latency().Percentile(0.5), Nanoseconds(0));
  ASSERT_TRUE(forker->StartAnew(Seconds(60)));
  while (forker->Forks() < 1) clock.WaitUntil(clock.Now() + Milliseconds(1));
  EXPECT_GE(forker->Latency().count(), 1u);
}

TEST(HugePageUser, MoreThanAnyNodeHasIsRefused) {
  // 512 TiB of pages: more than an address space holds.
  auto user = HugePageUser::Start({.pages = int64_t{1} << 28});
  ASSERT_TRUE(user) << user.error().message;
  ASSERT_TRUE(user->AwaitDone(Seconds(60)));
  EXPECT_EQ(user->MapError(), ENOMEM);
  EXPECT_EQ(user->Touched(), 0);
  EXPECT_FALSE(user->DiedOfSigbus());
}

}  // namespace
}  // namespace nodeproof::probe
