#include "cli/gate_boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "harness/base/fd.h"
#include "harness/base/file.h"

namespace nodeproof::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A stand-in for nodeproof: a script that does as the test says.
class RunBootTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "nodeproof-boot-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Program(const std::string& script) {
    const std::string path = folder_ + "/program";
    EXPECT_TRUE(WriteFileAtomic(path, "#!/bin/sh\n" + script));
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  Result<results::Results> Run(const std::string& script, int interrupt = -1) {
    return RunBoot(
        Program(script), {"cpu.*", "--kernel", "6.1"},
        [this](std::string_view line) { lines_.emplace_back(line); }, interrupt);
  }

  std::string folder_;
  std::vector<std::string> lines_;
};

const std::string kMixed = NODEPROOF_SOURCE_DIR "/reports/testdata/mixed.json";

TEST_F(RunBootTest, ReadsWhatTheRunFoundAndPassesItsLinesOn) {
  const auto results = Run("echo \"$@\" >&2; echo two >&2; cat " + kMixed + "; exit 1");
  ASSERT_TRUE(results) << results.error().ToString();
  EXPECT_EQ(results->claims.size(), 10u);
  EXPECT_THAT(lines_, ElementsAre("run cpu.* --kernel 6.1 --json", "two"));
}

TEST_F(RunBootTest, GivesTheRunsOwnErrorLine) {
  const auto results = Run("echo 'error: 2.4: no such kernel; fetch it' >&2; exit 2");
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().message, "2.4: no such kernel; fetch it");
}

TEST_F(RunBootTest, SaysHowARunDiedAndWhatItLeftUnreadable) {
  EXPECT_THAT(Run("kill -9 $$").error().message, HasSubstr("killed by signal 9"));
  EXPECT_THAT(Run("echo '{\"schema\": '; exit 0").error().message, HasSubstr("cut short"));
  EXPECT_THAT(Run("exit 0").error().message, HasSubstr("a boot's results"));
}

TEST_F(RunBootTest, EndsTheRunWhenInterrupted) {
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  const auto results = Run("trap 'exit 2' INT; while :; do sleep 0.05; done", interrupt.get());
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, EINTR);
}

}  // namespace
}  // namespace nodeproof::cli
