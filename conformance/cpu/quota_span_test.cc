#include "conformance/cpu/quota_span.h"

#include <gtest/gtest.h>

namespace nodeproof::conformance {
namespace {

constexpr Nanoseconds kQuota = Milliseconds(50);
constexpr Nanoseconds kPeriod = Milliseconds(100);

// A group that is charged `used` a period, read once a period.
class Group {
 public:
  explicit Group(Nanoseconds used) : used_(used) {}
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

TEST(QuotaSpan, AStallWidensTheIntervalOnlyAtAnEnd) {
  QuotaSpan quiet(kQuota, kPeriod, 1), inside(kQuota, kPeriod, 1), last(kQuota, kPeriod, 1);
  Group group(kQuota);
  for (int i = 0; i < 11; ++i) {
    const auto reading = group.Next();
    auto stalled = reading;
    stalled.stall = Milliseconds(15);
    quiet.Add(reading);
    inside.Add(i == 5 ? stalled : reading);
    last.Add(i == 10 ? stalled : reading);
  }
  EXPECT_DOUBLE_EQ(inside.UsedPerPeriod()->low, quiet.UsedPerPeriod()->low);
  EXPECT_DOUBLE_EQ(last.UsedPerPeriod()->low, quiet.UsedPerPeriod()->low - 1500);
  EXPECT_DOUBLE_EQ(last.UsedPerPeriod()->high, quiet.UsedPerPeriod()->high);
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
  reading.stall = Milliseconds(60);
  span.Add(reading);
  EXPECT_EQ(span.periods(), 3);
  reading.stall = {};
  for (int i = 0; i < 3; ++i) {
    reading.usage += kQuota;
    span.Add(reading);
  }
  EXPECT_EQ(span.periods(), 3 + 2);
  EXPECT_EQ(span.seen(), 8);
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->estimate, 50'000);
}

// A debt larger than a refill is carried on: the small quota pays it back over several periods.
TEST(QuotaSpan, ASmallQuotaOwesForLonger) {
  QuotaSpan span(Milliseconds(5), kPeriod, 1);
  Group group(Milliseconds(5));
  span.Add(group.Next());
  span.Add(group.Next(Milliseconds(16)));  // owes up to 20 ms
  span.Add(group.Next());                  // 15
  span.Add(group.Next());                  // 10
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->low, 5000 - 10'000.0 / 3);
}

TEST(QuotaSpan, EachCpuMayOwe) {
  QuotaSpan span(2 * kQuota, kPeriod, 2);
  Group group(2 * kQuota);
  for (int i = 0; i < 11; ++i) span.Add(group.Next());
  EXPECT_DOUBLE_EQ(span.UsedPerPeriod()->low, 100'000 - 800);
}

}  // namespace
}  // namespace nodeproof::conformance
