#include "reports/compare/pooled.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "reports/compare/compare_fixture.h"

namespace nodeproof::reports {
namespace {

using results::Measurement;

TEST(Pool, TakesTheWindowsOfAllRepetitions) {
  const Measurement a{2, 1, 3, {1, 2, 3}};
  const Measurement b{5, 4, 6, {4, 5, 6}};
  const Pooled pooled = Pool({&a, &b}, false);
  EXPECT_EQ(pooled.basis, Basis::kWindows);
  EXPECT_EQ(pooled.observations, 6u);
  EXPECT_DOUBLE_EQ(pooled.mean, 3.5);
  EXPECT_NEAR(pooled.variance, 3.5 / 6, 1e-12) << "variance of 1 … 6 is 3.5";
}

TEST(Pool, CountsEqualRepetitionsOnce) {
  const Measurement a{2, 1, 3, {1, 2, 3}};
  const Measurement same = a;
  EXPECT_EQ(Pool({&a, &same, &a}, true).observations, 3u);
  EXPECT_FALSE(EnoughRuns({&a, &same, &a}));
}

TEST(Pool, TakesRunsAsObservationsFromThreeOn) {
  const Measurement a{2, 1, 3, {1, 2, 3}};
  const Measurement b{3, 2, 4, {2, 3, 4}};
  const Measurement c{4, 3, 5, {3, 4, 5}};
  ASSERT_TRUE(EnoughRuns({&a, &b, &c}));
  const Pooled pooled = Pool({&a, &b, &c}, true);
  EXPECT_EQ(pooled.basis, Basis::kRuns);
  EXPECT_DOUBLE_EQ(pooled.mean, 3);
  EXPECT_NEAR(pooled.variance, 1.0 / 3, 1e-12);
}

TEST(Pool, KeepsToTheIntervalOfWhatIsNoMean) {
  const Measurement p99{90, 80, 100, {1, 2, 3, 90}};
  const Pooled pooled = Pool({&p99}, false);
  EXPECT_EQ(pooled.basis, Basis::kInterval);
  const Interval interval = IntervalOf(pooled);
  EXPECT_NEAR(interval.low, 80, 1e-3);
  EXPECT_NEAR(interval.high, 100, 1e-3);
}

TEST(Pool, GivesACountNoInterval) {
  const Measurement count{3, 3, 3, {3}};
  const Pooled pooled = Pool({&count}, false);
  EXPECT_EQ(pooled.basis, Basis::kCounted);
  EXPECT_EQ(IntervalOf(pooled).low, 3);
}

// Welch's t with unequal variances; the figures are those of R's t.test(b, a, conf.level = 0.99).
TEST(DifferenceOf, IsWelchs) {
  const Measurement a{3, 0, 0, {1, 2, 3, 4, 5}};
  const Measurement b{12, 0, 0, {6, 10, 12, 14, 18}};
  const Interval difference = DifferenceOf(Pool({&a}, false), 1, Pool({&b}, false), 1);
  EXPECT_DOUBLE_EQ(difference.estimate, 9);
  // se = sqrt(2.5/5 + 20/5) = 2.1213, df = 4.5^2 / (0.5^2/4 + 4^2/4) = 4.985, t = 4.042
  EXPECT_NEAR(difference.low, 9 - 4.0417 * 2.12132, 0.01);
  EXPECT_NEAR(difference.high, 9 + 4.0417 * 2.12132, 0.01);
}

// The chance that a 99 % interval misses is 1 %, for samples of unequal size and spread too.
TEST(DifferenceOf, CoversAsOftenAsItSays) {
  std::mt19937 random(7);
  std::normal_distribution<double> narrow(10, 1);
  std::normal_distribution<double> wide(10, 4);
  int missed = 0;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    Measurement a;
    Measurement b;
    for (int i = 0; i < 8; ++i) a.samples.push_back(narrow(random));
    for (int i = 0; i < 18; ++i) b.samples.push_back(wide(random));
    for (Measurement* each : {&a, &b}) {
      double sum = 0;
      for (const double sample : each->samples) sum += sample;
      each->estimate = sum / static_cast<double>(each->samples.size());
    }
    const Interval d = DifferenceOf(Pool({&a}, false), 1, Pool({&b}, false), 1);
    missed += d.low > 0 || d.high < 0 ? 1 : 0;
  }
  EXPECT_LT(missed, kRounds / 100 * 2);
  EXPECT_GT(missed, kRounds / 100 / 3);
}

TEST(DifferenceOf, SurvivesTheEndsOfADouble) {
  for (const double size : {0.0, 5e-324, 1e-160, 1e160, 1.7e308}) {
    const Measurement a{size, size, size, {size, size / 2, size / 4}};
    const Measurement b{-size, -size, -size, {-size, -size / 2, -size / 3}};
    const Interval d = DifferenceOf(Pool({&a}, false), 1, Pool({&b}, false), 1);
    EXPECT_FALSE(std::isnan(d.estimate)) << size;
  }
}

}  // namespace
}  // namespace nodeproof::reports
