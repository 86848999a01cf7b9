#include "harness/measure/histogram.h"

#include <gtest/gtest.h>

namespace nodeproof::measure {
namespace {

TEST(Histogram, PercentilesAreWithinABucket) {
  Histogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.Add(Nanoseconds(i * 100));
  EXPECT_EQ(histogram.count(), 100'000u);
  EXPECT_EQ(histogram.Max(), Nanoseconds(10'000'000));
  const auto close = [](Nanoseconds value, double expected) {
    const auto v = static_cast<double>(value.count());
    return v >= expected && v <= expected * 1.033;
  };
  EXPECT_TRUE(close(histogram.Percentile(0.5), 5'000'000));
  EXPECT_TRUE(close(histogram.Percentile(0.99), 9'900'000));
  EXPECT_EQ(histogram.Percentile(1), histogram.Max());
}

TEST(Histogram, SmallAndHugeValues) {
  Histogram histogram;
  EXPECT_EQ(histogram.Percentile(0.5), Nanoseconds(0));
  histogram.Add(Nanoseconds(-5));
  histogram.Add(Nanoseconds(31));
  histogram.Add(Nanoseconds(INT64_MAX));
  EXPECT_EQ(histogram.Percentile(0.01), Nanoseconds(0));
  EXPECT_EQ(histogram.Percentile(0.6), Nanoseconds(31));
  EXPECT_EQ(histogram.Percentile(1), Nanoseconds(INT64_MAX));
  histogram.Reset();
  EXPECT_EQ(histogram.count(), 0u);
}

TEST(Histogram, MergesAnother) {
  Histogram a;
  Histogram b;
  for (int i = 0; i < 3; ++i) a.Add(Nanoseconds(10));
  b.Add(Nanoseconds(20));
  b.Add(Milliseconds(1));
  a.Merge(b);
  EXPECT_EQ(a.count(), 5u);
  EXPECT_EQ(a.Max(), Milliseconds(1));
  EXPECT_EQ(a.Percentile(0.5), Nanoseconds(10));
  EXPECT_EQ(a.Percentile(0.8), Nanoseconds(20));
}

}  // namespace
}  // namespace nodeproof::measure
