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

// The options that a command line sets, or what is wrong with it.
Result<RunOptions> Parse(const std::string& line) {
  CLI::App app;
  RunOptions options;
  AddRunOptions(app, options);
  try {
    app.parse(line);
  } catch (const CLI::ParseError& error) {
    return Fail("{}", error.what());
  }
  return options;
}

TEST(RunOptions, ASeedIsAnyNumberOf64Bits) {
  EXPECT_EQ(Parse("--seed 18446744073709551615")->seed, UINT64_MAX);
  EXPECT_EQ(Parse("--seed 0")->seed, 0U);
  EXPECT_EQ(Parse("--seed 010")->seed, 10U) << "not octal";
}

TEST(RunOptions, WhatIsNoWholeNumberIsRefused) {
  for (const char* word : {"-1", "18446744073709551616", "0x10", "1.5", "1e3", "ten", "7s"}) {
    const auto parsed = Parse(fmt::format("--seed={}", word));
    ASSERT_FALSE(parsed) << word;
    EXPECT_EQ(parsed.error().message,
              fmt::format("--seed: \"{}\" is not a whole number from 0 to 18446744073709551615, in "
                          "decimal digits",
                          word));
  }
  EXPECT_FALSE(Parse("--repeat -1"));
  EXPECT_FALSE(Parse("--cpus -1"));
  EXPECT_FALSE(Parse("--cpus 4294967298")) << "that is no 2";
  EXPECT_EQ(Parse("--repeat 010")->repeat, 10);
  EXPECT_EQ(Parse("--cpus 08")->cpus, 8);
}

}  // namespace
}  // namespace nodeproof::cli
