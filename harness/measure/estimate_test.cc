#include "harness/measure/estimate.h"

#include <gtest/gtest.h>

#include <random>

namespace nodeproof::measure {
namespace {

using results::Expectation;
using results::Finding;
using results::Relation;

TEST(MeanInterval, MatchesTheTextbook) {
  // t(0.995, 4) = 4.604095; mean 3, standard error sqrt(2.5 / 5).
  const std::vector<double> samples = {1, 2, 3, 4, 5};
  const auto interval = MeanInterval(samples, 0.99).value();
  EXPECT_DOUBLE_EQ(interval.estimate, 3);
  EXPECT_NEAR(interval.high, 3 + 4.604095 * 0.70710678, 1e-5);
  EXPECT_NEAR(interval.low, 3 - 4.604095 * 0.70710678, 1e-5);
  EXPECT_EQ(interval.samples, samples);
}

TEST(MeanInterval, NeedsTwoSamples) {
  EXPECT_FALSE(MeanInterval(std::vector<double>{}, 0.99));
  EXPECT_FALSE(MeanInterval(std::vector<double>{1}, 0.99));
  const auto same = MeanInterval(std::vector<double>{2, 2}, 0.99).value();
  EXPECT_EQ(same.low, 2);
  EXPECT_EQ(same.high, 2);
}

// Of 2,000 intervals at 99 %, some 20 miss the mean: fewer than 50 is 6 standard deviations.
TEST(MeanInterval, CoversTheMean) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise(0.7, 0.05);
  int missed = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> samples(8);
    for (double& sample : samples) sample = noise(random);
    const auto interval = MeanInterval(samples, 0.99).value();
    if (interval.low > 0.7 || interval.high < 0.7) ++missed;
  }
  EXPECT_LT(missed, 50);
  EXPECT_GT(missed, 2);
}

TEST(Judge, BandsAreClosed) {
  const Expectation within{0.7, Relation::kWithin, 0.02, "ratio"};
  EXPECT_EQ(Judge(within, {0.7, 0.68, 0.72, {}}), Finding::kInside);
  EXPECT_EQ(Judge(within, {0.7, 0.679, 0.72, {}}), Finding::kUnclear);
  EXPECT_EQ(Judge(within, {0.5, 0.49, 0.51, {}}), Finding::kOutside);
  EXPECT_EQ(Judge(within, {0.8, 0.721, 0.9, {}}), Finding::kOutside);

  const Expectation most{5, Relation::kAtMost, 0, "count"};
  EXPECT_EQ(Judge(most, Exact(5)), Finding::kInside);
  EXPECT_EQ(Judge(most, Exact(-100)), Finding::kInside);
  EXPECT_EQ(Judge(most, Exact(6)), Finding::kOutside);

  const Expectation least{0.98, Relation::kAtLeast, 0.01, "ratio"};
  EXPECT_EQ(Judge(least, {0.99, 0.97, 1.5, {}}), Finding::kInside);
  EXPECT_EQ(Judge(least, {0.97, 0.96, 0.98, {}}), Finding::kUnclear);
  EXPECT_EQ(Judge(least, Exact(0.9)), Finding::kOutside);
}

TEST(Judge, NeverDecidesOnWhatIsNoNumber) {
  const Expectation within{0, Relation::kAtMost, 0, "ratio"};
  EXPECT_EQ(Judge(within, {0, std::nan(""), 0, {}}), Finding::kUnclear);
  EXPECT_EQ(Judge(within, {0, -INFINITY, 0, {}}), Finding::kUnclear);
}

}  // namespace
}  // namespace nodeproof::measure
