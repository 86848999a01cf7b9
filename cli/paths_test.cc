#include "cli/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace nodeproof::cli {
namespace {

using testing::Contains;
using testing::Not;

// XDG_RUNTIME_DIR is a folder of ours while this lives.
class StateFolders : public testing::Test {
 protected:
  StateFolders() {
    if (const char* before = std::getenv("XDG_RUNTIME_DIR")) before_ = before;
    std::string name = testing::TempDir() + "nodeproof-paths-XXXXXX";
    runtime_ = ::mkdtemp(name.data());
    ::setenv("XDG_RUNTIME_DIR", runtime_.c_str(), 1);
  }
  ~StateFolders() override {
    if (before_.empty()) {
      ::unsetenv("XDG_RUNTIME_DIR");
    } else {
      ::setenv("XDG_RUNTIME_DIR", before_.c_str(), 1);
    }
    std::filesystem::remove_all(runtime_);
  }

  std::string before_;
  std::filesystem::path runtime_;
};

TEST_F(StateFolders, OnlyThoseThatAreThereAreVisited) {
  EXPECT_EQ(StateDirectory(), runtime_ / "nodeproof");
  EXPECT_THAT(StateDirectories(), Not(Contains(runtime_ / "nodeproof")));
  std::filesystem::create_directory(runtime_ / "nodeproof");
  EXPECT_THAT(StateDirectories(), Contains(runtime_ / "nodeproof").Times(1));
}

// A run below cron has no XDG_RUNTIME_DIR, the shell in which `clean` is typed has one.
TEST_F(StateFolders, TheOneOfAnotherEnvironmentIsVisitedToo) {
  ::unsetenv("XDG_RUNTIME_DIR");
  const auto other = StateDirectory();
  ::setenv("XDG_RUNTIME_DIR", runtime_.c_str(), 1);
  if (!std::filesystem::exists(other)) GTEST_SKIP() << "there is no " << other;
  EXPECT_THAT(StateDirectories(), Contains(other).Times(1));
}

}  // namespace
}  // namespace nodeproof::cli
