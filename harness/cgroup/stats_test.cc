#include "harness/cgroup/stats.h"

#include <gtest/gtest.h>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::cgroup {
namespace {

TEST(CpuStat, ReadsEveryField) {
  const FakeTree tree;
  const Cgroup group = tree.Group(
      "a", {{"cpu.stat",
             "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 10\nnr_throttled 4\n"
             "throttled_usec 200000\nnr_bursts 1\nburst_usec 3000\n"}});
  const CpuStat stat = ReadCpuStat(group).value();
  EXPECT_EQ(stat.usage, Microseconds(1500));
  EXPECT_EQ(stat.nr_periods, 10);
  EXPECT_EQ(stat.nr_throttled, 4);
  EXPECT_EQ(stat.throttled, Microseconds(200000));
  EXPECT_EQ(stat.burst, Microseconds(3000));
  const CpuStat delta = stat - CpuStat{.usage = Microseconds(500), .nr_periods = 9};
  EXPECT_EQ(delta.usage, Microseconds(1000));
  EXPECT_EQ(delta.nr_periods, 1);
}

TEST(CpuStat, WorksWithoutTheCpuController) {
  const FakeTree tree;
  const Cgroup group =
      tree.Group("a", {{"cpu.stat", "usage_usec 7\nuser_usec 7\nsystem_usec 0\n"}});
  EXPECT_EQ(ReadCpuStat(group)->nr_periods, 0);
  EXPECT_FALSE(ReadCpuStat(tree.Group("b", {{"cpu.stat", ""}})));
}

TEST(KeyedCounters, RefusesOtherFormats) {
  EXPECT_TRUE(ParseKeyedCounters("low 0\nhigh 3\n\n"));
  EXPECT_FALSE(ParseKeyedCounters("low\n"));
  EXPECT_FALSE(ParseKeyedCounters("low zero\n"));
  EXPECT_FALSE(ParseKeyedCounters("low 0 0\n"));
  const KeyedCounters counters = ParseKeyedCounters("oom_kill 2\n").value();
  EXPECT_EQ(counters.Get("oom_kill"), 2);
  EXPECT_EQ(counters.Get("oom_group_kill"), 0);
  EXPECT_FALSE(counters.Has("oom_group_kill"));
}

TEST(ReadNumber, KnowsMax) {
  const FakeTree tree;
  const Cgroup group = tree.Group("a", {{"memory.max", "max\n"}, {"memory.current", "4096\n"}});
  EXPECT_EQ(ReadNumber(group, "memory.max").value(), INT64_MAX);
  EXPECT_EQ(ReadNumber(group, "memory.current").value(), 4096);
}

TEST(Pressure, ReadsTotalsAndAverages) {
  const auto pressure = ParsePressure(
      "some avg10=12.34 avg60=5.60 avg300=1.07 total=1234\n"
      "full avg10=0.00 avg60=0.50 avg300=0.00 total=56\n");
  ASSERT_TRUE(pressure);
  EXPECT_EQ(pressure->some_total, Microseconds(1234));
  EXPECT_EQ(pressure->full_total, Microseconds(56));
  EXPECT_EQ(pressure->some_average, (std::array{12.34, 5.6, 1.07}));
  EXPECT_EQ(pressure->full_average, (std::array{0.0, 0.5, 0.0}));
  EXPECT_FALSE(ParsePressure(""));
  EXPECT_FALSE(ParsePressure("some avg10=high avg60=0.00 avg300=0.00 total=1\n"));
}

TEST(IoStat, ReadsOneDisksLine) {
  const auto stat = ParseIoStat(
      "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
      "259:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0 cost.usage=77\n",
      "259:0");
  ASSERT_TRUE(stat);
  EXPECT_EQ(*stat, (IoStat{.read = KiB(4), .written = KiB(8), .reads = 1, .writes = 2}));
  EXPECT_EQ(ParseIoStat("8:0 rbytes=1\n", "8:1").value(), IoStat{});
  EXPECT_EQ(ParseIoStat("8:0 \n", "8:0").value(), IoStat{});
  EXPECT_FALSE(ParseIoStat("8:0 rbytes=x\n", "8:0"));
}

}  // namespace
}  // namespace nodeproof::cgroup
