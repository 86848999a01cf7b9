#include "cli/run_options.h"

#include <gtest/gtest.h>

namespace nodeproof::cli {
namespace {

const std::vector<std::string> kIds = {"cpu.birth.fork", "cpu.wakeup.idle",
                                       "interference.isolation.fork.cpu-hog",
                                       "interference.isolation.wakeup.cpu-hog"};

std::vector<std::string> GlobsFor(std::vector<std::string> globs,
                                  std::vector<std::string> victims = {},
                                  std::vector<std::string> aggressors = {}) {
  RunOptions options;
  options.globs = std::move(globs);
  options.victims = std::move(victims);
  options.aggressors = std::move(aggressors);
  return BenchGlobs(options, kIds);
}

TEST(BenchGlobs, WithoutAPatternAreAllButTheMatrix) {
  EXPECT_EQ(GlobsFor({}), (std::vector<std::string>{"cpu.birth.fork", "cpu.wakeup.idle"}));
}

TEST(BenchGlobs, AWordIsAllBelowIt) {
  EXPECT_EQ(GlobsFor({"cpu", "cpu.wakeup", "cpu.birth.fork", "*fork*"}),
            (std::vector<std::string>{"cpu.*", "cpu.wakeup.*", "cpu.birth.fork", "*fork*"}));
  EXPECT_EQ(GlobsFor({"interference"}), std::vector<std::string>{"interference.*"});
}

TEST(BenchGlobs, VictimsAndAggressorsChooseCells) {
  EXPECT_EQ(GlobsFor({"interference"}, {"fork", "wakeup"}),
            (std::vector<std::string>{"interference.isolation.fork.*",
                                      "interference.isolation.wakeup.*"}));
  EXPECT_EQ(GlobsFor({}, {"fork"}, {"cpu-hog"}),
            std::vector<std::string>{"interference.isolation.fork.cpu-hog"});
}

}  // namespace
}  // namespace nodeproof::cli
