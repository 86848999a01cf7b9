#include "conformance/io/rate_span.h"

#include <gtest/gtest.h>

#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using results::Finding;

constexpr results::Expectation kLimit = {1, results::Relation::kWithin, 0.05, "ratio"};

// Readings every 25 ms of a stream that is let through at `rate`, a slice of 100 ms at a time.
RateSpan Sliced(double rate, Seconds length, Nanoseconds stall = Nanoseconds(0)) {
  RateSpan span({.limit = 1000, .grain = 100});
  for (int i = 0; i * 0.025 <= length.count(); ++i) {
    span.Add(Milliseconds(25) * i, rate * 0.1 * (i / 4 + 1), stall);
  }
  return span;
}

Finding FindingOf(const RateSpan& span) {
  const auto share = span.Share();
  return share ? measure::Judge(kLimit, *share) : Finding::kUnclear;
}

TEST(RateSpan, KnowsNothingAtFirst) {
  RateSpan span({.limit = 1000, .grain = 100});
  span.Add(Milliseconds(5), 3, Nanoseconds(0));
  EXPECT_FALSE(span.Share());
}

TEST(RateSpan, TheLimitIsFoundOnceASliceMattersLittle) {
  EXPECT_EQ(FindingOf(Sliced(1000, Seconds(1))), Finding::kUnclear);
  EXPECT_EQ(FindingOf(Sliced(1000, Seconds(5))), Finding::kInside);
}

TEST(RateSpan, ATenthMoreOrLessIsNotTheLimit) {
  EXPECT_EQ(FindingOf(Sliced(1100, Seconds(5))), Finding::kOutside);
  EXPECT_EQ(FindingOf(Sliced(900, Seconds(5))), Finding::kOutside);
}

TEST(RateSpan, NoLimitShowsAtOnce) {
  EXPECT_EQ(FindingOf(Sliced(10000, Seconds(0.3))), Finding::kOutside);
}

TEST(RateSpan, AStallBlursTheEnds) {
  EXPECT_EQ(FindingOf(Sliced(1100, Seconds(5), Milliseconds(190))), Finding::kUnclear);
}

TEST(RateSpan, WhatLateTimersMayHaveCostIsNoShortfall) {
  EXPECT_LT(Sliced(900, Seconds(5), Milliseconds(3)).ShareAtMost(), 0.95);
  EXPECT_GT(Sliced(900, Seconds(5), Milliseconds(5)).ShareAtMost(), 1);
  EXPECT_LT(Sliced(500, Seconds(5), Milliseconds(5)).ShareAtMost(), 0.7);
}

TEST(RateSpan, BudgetLostInAStallIsNoShortfall) {
  RateSpan span({.limit = 1000, .grain = 10});
  span.Add(Milliseconds(0), 0, Nanoseconds(0));
  span.Add(Milliseconds(5000), 4500, Milliseconds(600));  // it ran dry for most of the stall
  ASSERT_TRUE(span.Share());
  EXPECT_LT(span.Share()->low, 0.95);
  EXPECT_GT(span.Share()->high, 1.0);
}

}  // namespace
}  // namespace nodeproof::conformance
