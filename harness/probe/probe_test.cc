#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/probe/cached_reader.h"
#include "harness/probe/placement.h"
#include "harness/probe/residency.h"

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

class ScratchFile : public testing::Test {
 protected:
  ScratchFile() {
    std::string name = testing::TempDir() + "nodeproof-probe-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~ScratchFile() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path file() const { return directory_ / "file"; }

 private:
  std::filesystem::path directory_;
};

TEST_F(ScratchFile, IsUncachedUntilItIsRead) {
  const auto written = WriteUncachedFile(file(), MiB(4));
  if (!written && written.error().code == EINVAL) {
    GTEST_SKIP() << "the temporary directory's file system has no direct I/O";
  }
  ASSERT_TRUE(written) << written.error().message;
  const auto residency = Residency::Open(file());
  ASSERT_TRUE(residency);
  EXPECT_EQ(residency->size(), MiB(4));
  EXPECT_EQ(residency->Resident().value(), Bytes{0});

  auto reader = CachedReader::Start({.file = file()});
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->AwaitFirstPass(Seconds(60)));
  EXPECT_EQ(residency->Resident().value(), MiB(4));
  EXPECT_GE(reader->Passes(), 1);
}

TEST_F(ScratchFile, ErrorsNameTheFile) {
  EXPECT_FALSE(WriteUncachedFile(file(), Bytes{1000}));
  const auto missing = Residency::Open(file());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find(file().string()), std::string::npos);
}

TEST(CachedReader, AMissingFileIsAnEndBeforeTheFirstPass) {
  auto reader = CachedReader::Start({.file = "/no/such/file"});
  ASSERT_TRUE(reader);
  const auto ready = reader->AwaitFirstPass(Seconds(60));
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message.find("exit 119"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::probe
