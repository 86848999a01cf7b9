#include "harness/base/glob.h"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(GlobMatch, StarCrossesDots) {
  EXPECT_TRUE(GlobMatch("cpu.*", "cpu.weight.siblings"));
  EXPECT_TRUE(GlobMatch("*", "memory.max.oom"));
  EXPECT_TRUE(GlobMatch("*.oom", "memory.max.oom"));
  EXPECT_TRUE(GlobMatch("cpu.*.pods", "cpu.weight.pods"));
  EXPECT_FALSE(GlobMatch("cpu.*", "cpuset.pinned"));
  EXPECT_FALSE(GlobMatch("cpu", "cpu.max.ceiling"));
}

TEST(GlobMatch, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(GlobMatch("a?c", "abc"));
  EXPECT_FALSE(GlobMatch("a?c", "ac"));
  EXPECT_FALSE(GlobMatch("", "a"));
  EXPECT_TRUE(GlobMatch("**", ""));
}

TEST(GlobMatch, ManyStarsStayFast) {
  const std::string name(10'000, 'a');
  EXPECT_FALSE(GlobMatch("*a*a*a*a*a*a*b", name));
}

}  // namespace
}  // namespace nodeproof
