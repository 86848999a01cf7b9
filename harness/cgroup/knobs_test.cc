#include "harness/cgroup/knobs.h"

#include <gtest/gtest.h>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::cgroup {
namespace {

TEST(CpuMax, ParsesWhatTheKernelPrints) {
  EXPECT_EQ(CpuMax::Parse("max 100000\n").value(), (CpuMax{std::nullopt, Microseconds(100000)}));
  EXPECT_EQ(CpuMax::Parse("50000 100000")->quota, Microseconds(50000));
  EXPECT_EQ(CpuMax::Parse("50000 100000")->ToString(), "50000 100000");
  EXPECT_FALSE(CpuMax::Parse(""));
  EXPECT_FALSE(CpuMax::Parse("1 2 3"));
  EXPECT_FALSE(CpuMax::Parse("half 100000"));
}

TEST(SameSetting, AllowsOnlyTheDocumentedNormalisation) {
  const Bytes page{4096};
  EXPECT_TRUE(SameSetting("cpu.weight", "30", "30\n", page));
  EXPECT_FALSE(SameSetting("cpu.weight", "30", "100\n", page));
  EXPECT_TRUE(SameSetting("cpu.max", "max", "max 100000\n", page));
  EXPECT_FALSE(SameSetting("cpu.max", "50000 100000", "max 100000\n", page));
  EXPECT_FALSE(SameSetting("cpu.max", "50000 100000", "50000 200000\n", page));
  // The kernel rounds memory amounts down to a page, never further.
  EXPECT_TRUE(SameSetting("memory.max", "5000", "4096\n", page));
  EXPECT_FALSE(SameSetting("memory.max", "9000", "4096\n", page));
  EXPECT_FALSE(SameSetting("memory.max", "5000", "max\n", page));
  EXPECT_TRUE(SameSetting("cpuset.cpus", "3,1,2", "1-3\n", page));
  EXPECT_FALSE(SameSetting("cpuset.cpus", "1-3", "1-2\n", page));
}

TEST(SetKnob, ReportsWhatWasTaken) {
  const FakeTree tree;
  const Cgroup group = tree.Group("a", {{"memory.max", ""}});
  const KnobReading reading = SetKnob(group, "memory.max", "209715200").value();
  EXPECT_EQ(reading.taken, "209715200");
  EXPECT_TRUE(reading.kept);
  EXPECT_FALSE(SetKnob(group, "memory.high", "1"));  // no such file
}

}  // namespace
}  // namespace nodeproof::cgroup
