#include "conformance/cpu/quota_span.h"

#include <gtest/gtest.h>

namespace nodeproof::conformance {
namespace {

constexpr Nanoseconds kQuota = Milliseconds(50);
constexpr Nanoseconds kPeriod = Milliseconds(100);

// A group that is charged `used` a period, read once a period.
class Group {
 public:
  explicit Group(Nanoseconds used) : used_(used) { reading_.usage = -used; }
  QuotaSpan::Reading Next(Nanoseconds stall = {}) {
    reading_.usage += used_;
    reading_.throttled += kPeriod - used_;
    reading_.stall = stall;
    return reading_;
  }

 private:
  Nanoseconds used_;
  QuotaSpan::Reading reading_;
};

TEST(QuotaSpan, NeedsTwoReadings) {
  QuotaSpan span(kQuota, kPeriod, 1);
  EXPECT_FALSE(span.UsedPerPeriod());
  Group group(kQuota);
  span.Add(group.Next());
  EXPECT_FALSE(span.ThrottledPerPeriod());
  span.Add(group.Next());
  EXPECT_TRUE(span.UsedPerPeriod());
}

TEST(QuotaSpan, TheIntervalIsTheDebtsAtTheEnds) {
  QuotaSpan span(kQuota, kPeriod, 1);
  Group group(kQuota);
  for (int i = 0; i < 11; ++i) span.Add(group.Next());
  const auto used = span.UsedPerPeriod();
  ASSERT_TRUE(used);
  EXPECT_EQ(span.periods(), 10);
  EXPECT_DOUBLE_EQ(used->estimate, 50'000);
  EXPECT_DOUBLE_EQ(used->low, 50'000 - 400);  // a tick of 4 ms in ten periods
  EXPECT_DOUBLE_EQ(used->high, 50'000 + 400);
  const auto throttled = span.ThrottledPerPeriod();
  EXPECT_DOUBLE_EQ(throttled->estimate, 50'000);
  EXPECT_DOUBLE_EQ(throttled->high, 50'000 + 400);
}

TEST(QuotaSpan, AStallInsideCostsNothing) {
  QuotaSpan quiet(kQuota, kPeriod, 1), stalled(kQuota, kPeriod, 1);
  Group group(kQuota);
  for (int i = 0; i < 11; ++i) {
    auto reading = group.Next();
    quiet.Add(reading);
    if (i == 5) reading.stall = Milliseconds(15);
    stalled.Add(reading);
  }
  EXPECT_DOUBLE_EQ(stalled.UsedPerPeriod()->low, quiet.UsedPerPeriod()->low);
  EXPECT_DOUBLE_EQ(stalled.UsedPerPeriod()->high, quiet.UsedPerPeriod()->high);
}

// Where the last period had a stall, the stretch ends before it.
TEST(QuotaSpan, EndsAreChosenWhereLittleIsOwed) {
  QuotaSpan span(kQuota, kPeriod, 1);
  Group group(kQuota);
  for (int i = 0; i < 11; ++i) span.Add(group.Next(Milliseconds(i == 10 ? 15 : 0)));
  EXPECT_EQ(span.periods(), 9);
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->low, 50'000 - 4000.0 / 9);
}

TEST(QuotaSpan, AMissedMomentIsNoEnd) {
  QuotaSpan span(kQuota, kPeriod, 1);
  Group group(kQuota);
  for (int i = 0; i < 5; ++i) span.Add(group.Next(i == 4 ? Milliseconds(21) : Milliseconds(0)));
  EXPECT_EQ(span.periods(), 3);
  span.Add(group.Next());
  EXPECT_EQ(span.periods(), 5);
}

TEST(QuotaSpan, ALostRefillStartsAnotherStretch) {
  QuotaSpan span(kQuota, kPeriod, 1);
  Group group(kQuota), slow(Milliseconds(10));
  QuotaSpan::Reading reading;
  for (int i = 0; i < 4; ++i) span.Add(reading = group.Next());
  reading.usage += Milliseconds(10);  // most of this quota was lost
  reading.stall = Milliseconds(85);
  span.Add(reading);
  EXPECT_EQ(span.periods(), 3);
  reading.stall = {};
  for (int i = 0; i < 10; ++i) {
    reading.usage += kQuota;
    span.Add(reading);
  }
  EXPECT_EQ(span.periods(), 3 + 8);  // the first after the stall owes too much to be an end
  EXPECT_EQ(span.seen(), 15);
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->estimate, 50'000);
}

// A group that used much before the first reading may owe all of it.
TEST(QuotaSpan, WhatWasUsedBeforeMayBeOwed) {
  QuotaSpan span(kQuota, kPeriod, 1);
  QuotaSpan::Reading reading;
  reading.usage = Milliseconds(200);
  for (int i = 0; i < 4; ++i) span.Add(reading);  // repays, and does not run
  EXPECT_GE(span.UsedPerPeriod().value().high, 50'000);
}

// A debt larger than a refill is carried on: the small quota pays it back over several periods.
TEST(QuotaSpan, ASmallQuotaOwesForLonger) {
  QuotaSpan span(Milliseconds(5), kPeriod, 1);
  Group group(Milliseconds(5));
  span.Add(group.Next(Milliseconds(16)));  // owes up to 20 ms
  span.Add(group.Next());                  // 15
  span.Add(group.Next());                  // 10
  // Between the last two: 10 and 15 ms in one period; between the first and the last 20 in two.
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->low, 5000 - 10'000.0 / 2);
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->high, 5000 + 20'000.0 / 2);
}

// Where the node stood still and the group was not throttled, its quota was not used up. That never
// excuses more than the quota.
TEST(QuotaSpan, AQuotaNotSpentIsLeftOutOnlyWithAStall) {
  QuotaSpan excused(kQuota, kPeriod, 1), faulty(kQuota, kPeriod, 1), generous(kQuota, kPeriod, 1);
  Group less(Milliseconds(30)), more(Milliseconds(80));
  for (int i = 0; i < 10; ++i) {
    auto reading = less.Next();
    reading.spent = false;
    faulty.Add(reading);
    reading.stall = Milliseconds(15);
    excused.Add(reading);
    reading = more.Next(Milliseconds(15));
    reading.spent = false;
    generous.Add(reading);
  }
  EXPECT_FALSE(excused.UsedPerPeriod());
  EXPECT_LT(faulty.UsedPerPeriod().value().high, 50'000);
  EXPECT_FALSE(generous.UsedPerPeriod());
  EXPECT_GT(generous.UsedAtLeast(), 50'000);
  EXPECT_LT(excused.UsedAtLeast(), 50'000);
}

// A host's own tasks may have the time that a group does not get: it is not throttled, and its
// quota is not at fault.
TEST(QuotaSpan, AQuotaThatOthersTookIsLeftOut) {
  QuotaSpan busy(kQuota, kPeriod, 1), faulty(kQuota, kPeriod, 1), generous(kQuota, kPeriod, 1);
  Group less(Milliseconds(40)), more(Milliseconds(80));
  for (int i = 0; i < 10; ++i) {
    auto reading = less.Next();
    reading.spent = false;
    reading.others = Milliseconds(9);
    faulty.Add(reading);
    reading.others = Milliseconds(60);
    busy.Add(reading);
    reading = more.Next();
    reading.spent = false;
    reading.others = Milliseconds(20);
    generous.Add(reading);
  }
  EXPECT_FALSE(busy.UsedPerPeriod());
  EXPECT_LT(faulty.UsedPerPeriod().value().high, 50'000);
  EXPECT_GT(generous.UsedAtLeast(), 50'000);
}

TEST(QuotaSpan, EachCpuMayOwe) {
  QuotaSpan span(2 * kQuota, kPeriod, 2);
  Group group(2 * kQuota);
  for (int i = 0; i < 11; ++i) span.Add(group.Next());
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->low, 100'000 - 800);
}

}  // namespace
}  // namespace nodeproof::conformance
