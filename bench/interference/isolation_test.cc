#include "bench/interference/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::bench {
namespace {

TEST(Isolation, IsTheShareOfTheRateAloneAndNeverAboveOne) {
  const VictimSeries alone{{90, 110}, Microseconds(10)};
  const auto found = IsolationOf(alone, {{50, 150, 100, 0}, Microseconds(25)});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->mean.samples, testing::ElementsAre(0.5, 1, 1, 0));
  EXPECT_DOUBLE_EQ(found->mean.estimate, 0.625);
  EXPECT_LT(found->mean.low, 0.625);
  EXPECT_DOUBLE_EQ(found->missing_samples, 0.25);
  EXPECT_DOUBLE_EQ(found->latency_impact, 1.5);
  EXPECT_DOUBLE_EQ(found->p05.estimate, 0);
}

TEST(Isolation, LatencyThatGotBetterIsNoImpact) {
  const auto found = IsolationOf({{10, 10}, Microseconds(10)}, {{10, 10}, Microseconds(5)});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->latency_impact, 0);
  EXPECT_EQ(found->mean.estimate, 1);
}

TEST(Isolation, AVictimThatDoesNothingAloneProvesNothing) {
  EXPECT_EQ(IsolationOf({{0, 0}, Nanoseconds(0)}, {{1, 1}, Nanoseconds(1)}).error().message,
            "the victim finished nothing alone");
  EXPECT_FALSE(IsolationOf({{1, 1}, Nanoseconds(1)}, {{1}, Nanoseconds(1)}));
}

TEST(Quantile, FewSamplesLeaveTheLowerEndOpen) {
  std::vector<double> samples;
  for (int i = 1; i <= 20; ++i) samples.push_back(i / 20.0);
  const auto p05 = QuantileOfShares(samples, 0.05);
  EXPECT_DOUBLE_EQ(p05.estimate, 0.05);
  EXPECT_EQ(p05.low, 0);
  // P(Binomial(20, 0.05) >= 5) = 0.0026, >= 4 = 0.016: the fifth smallest is the first that is
  // above the quantile almost surely.
  EXPECT_DOUBLE_EQ(p05.high, 0.25);
}

TEST(Quantile, ManySamplesBoundItOnBothSides) {
  std::vector<double> samples;
  for (int i = 1; i <= 200; ++i) samples.push_back(i / 200.0);
  const auto p05 = QuantileOfShares(samples, 0.05);
  EXPECT_DOUBLE_EQ(p05.estimate, 0.05);
  EXPECT_GT(p05.low, 0);
  EXPECT_LT(p05.low, 0.05);
  EXPECT_GT(p05.high, 0.05);
  EXPECT_LT(p05.high, 0.12);
}

TEST(Quantile, OfNothingIsUnknown) {
  const auto none = QuantileOfShares({}, 0.05);
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(none.high, 1);
}

}  // namespace
}  // namespace nodeproof::bench
