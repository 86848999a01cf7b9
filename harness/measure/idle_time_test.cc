#include "harness/measure/idle_time.h"

#include <gtest/gtest.h>

namespace nodeproof::measure {
namespace {

constexpr std::string_view kStat =
    "cpu  10 0 20 3000 40 0 1 0 0 0\n"
    "cpu1 5 0 10 1500 7 0 1 0 0 0\n"
    "cpu10 5 0 10 1400 33 2 3 40 0 0\n"
    "cpu2 5 0\n"
    "cpu3 5 0 10 many 0 0 0 0 0 0\n"
    "intr 12345\n";

TEST(IdleTime, AddsIdleAndWaitingForIo) {
  EXPECT_EQ(IdleTimeIn(kStat, 1).value(), Milliseconds(15'070));
  EXPECT_EQ(IdleTimeIn(kStat, 10).value(), Milliseconds(14'330));
}

TEST(TakenTime, AddsInterruptsAndWhatAHypervisorTook) {
  EXPECT_EQ(TakenTimeIn(kStat, 1).value(), Milliseconds(10));
  EXPECT_EQ(TakenTimeIn(kStat, 10).value(), Milliseconds(450));
  EXPECT_EQ(TakenTimeIn(kStat, 2).error().ToString(),
            "/proc/stat: cpu2 has no irq, softirq and steal time");
}

TEST(UserAndKernelTime, AddWhatTheirTicksFellInto) {
  EXPECT_EQ(UserTimeIn(kStat, 10).value(), Milliseconds(50));
  EXPECT_EQ(KernelTimeIn(kStat, 10).value(), Milliseconds(150));
  EXPECT_EQ(UserTimeIn(kStat, 2).value(), Milliseconds(50));
  EXPECT_EQ(KernelTimeIn(kStat, 2).error().ToString(), "/proc/stat: cpu2 has no irq and softirq time");
}

TEST(IdleTime, NamesTheCpuThatIsMissingOrCut) {
  EXPECT_EQ(IdleTimeIn(kStat, 4).error().ToString(), "/proc/stat has no line for cpu4");
  EXPECT_EQ(IdleTimeIn(kStat, 2).error().ToString(),
            "/proc/stat: cpu2 has no idle and iowait time");
  EXPECT_FALSE(IdleTimeIn(kStat, 3));
}

TEST(IdleTime, ReadsThisMachine) { EXPECT_GE(IdleTime(0).value(), Nanoseconds(0)); }

}  // namespace
}  // namespace nodeproof::measure
