#include "reports/quantity.h"

#include <gtest/gtest.h>

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Relation;

Check Ratio(double estimate, double half) {
  return {"share",
          {0.7, Relation::kWithin, 0.02, "ratio"},
          {estimate, estimate - half, estimate + half, {}},
          {}};
}

TEST(Quantity, ShowsTheDigitsThatTheIntervalCarries) {
  const Check check = Ratio(0.70123456, 0.004);
  const Scale scale = ScaleOf(check);
  EXPECT_EQ(MeasuredText(check.measured, scale), "0.701 [0.697, 0.705]");
  EXPECT_EQ(ExpectedText(check.expected, scale), "0.700 ± 0.020");
  const Check coarse = Ratio(0.7, 0.2);
  EXPECT_EQ(MeasuredText(coarse.measured, ScaleOf(coarse)), "0.700 [0.500, 0.900]");
}

TEST(Quantity, ShowsBytesAndTimesInUnitsPeopleRead) {
  const Check bytes = {"peak",
                       {209715200, Relation::kAtMost, 262144, "bytes"},
                       {209715200, 209715200, 209715200, {}},
                       {}};
  EXPECT_EQ(ExpectedText(bytes.expected, ScaleOf(bytes)), "≤ 200.00 + 0.25 MiB");
  EXPECT_EQ(MeasuredText(bytes.measured, ScaleOf(bytes)), "200.00 MiB");
  const Check delay = {"p99", {900, Relation::kAtLeast, 0, "usec"}, {1500, 1400, 1600, {}}, {}};
  EXPECT_EQ(ExpectedText(delay.expected, ScaleOf(delay)), "≥ 0.90 ms");
  EXPECT_EQ(MeasuredText(delay.measured, ScaleOf(delay)), "1.50 [1.40, 1.60] ms");
}

TEST(Quantity, ShowsCountsWhole) {
  const Check kills = {"oom_kill", {1, Relation::kWithin, 0, "count"}, {1, 1, 1, {1}}, {}};
  EXPECT_EQ(ExpectedText(kills.expected, ScaleOf(kills)), "= 1");
  EXPECT_EQ(MeasuredText(kills.measured, ScaleOf(kills)), "1");
  EXPECT_EQ(IntervalText(kills.measured, ScaleOf(kills)), "");
}

TEST(Quantity, GivesBothArmsOneScale) {
  const Check small = {"used", {1 << 20, Relation::kAtMost, 0, "bytes"}, {512, 512, 512, {}}, {}};
  Check large = small;
  large.measured = {3e9, 3e9, 3e9, {}};
  EXPECT_EQ(ScaleOf(small, &large).unit, "GiB");
  EXPECT_EQ(ScaleOf(large, &small).unit, "GiB");
}

TEST(Quantity, ShowsAmountsOfLoad) {
  EXPECT_EQ(AmountText(1210000, "usec"), "1.21 s");
  EXPECT_EQ(AmountText(448.0 * 1048576, "bytes"), "448 MiB");
  EXPECT_EQ(AmountText(61240, "wakeups"), "61240 wakeups");
}

}  // namespace
}  // namespace nodeproof::reports
