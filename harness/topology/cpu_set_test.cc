#include "harness/topology/cpu_set.h"

#include <gtest/gtest.h>

namespace nodeproof {
namespace {

TEST(CpuSet, ReadsAndWritesTheKernelsNotation) {
  EXPECT_EQ(CpuSet::Parse("0-3,8")->ToString(), "0-3,8");
  EXPECT_EQ(CpuSet::Parse("8,0,1,3,2\n")->ToString(), "0-3,8");
  EXPECT_EQ(CpuSet::Parse("\n")->ToString(), "");
  EXPECT_EQ(CpuSet::Range(4, 6).ToString(), "4-6");
}

TEST(CpuSet, RefusesWhatTheKernelRefuses) {
  for (const char* text : {"a", "1-", "-1", "3-1", "1,,2", "1-2-3", "99999999999", ","}) {
    EXPECT_FALSE(CpuSet::Parse(text)) << text;
  }
}

TEST(CpuSet, Algebra) {
  const CpuSet a{0, 1, 2};
  const CpuSet b{2, 3};
  EXPECT_EQ((a | b), (CpuSet{0, 1, 2, 3}));
  EXPECT_EQ((a & b), CpuSet{2});
  EXPECT_EQ((a - b), (CpuSet{0, 1}));
  EXPECT_TRUE(a.Contains(CpuSet{0, 2}));
  EXPECT_FALSE(a.Contains(b));
  EXPECT_TRUE(a.Intersects(b));
}

}  // namespace
}  // namespace nodeproof
