#include "conformance/memory/high_throttle.h"

#include <gtest/gtest.h>

#include <cmath>

namespace nodeproof::conformance {
namespace {

constexpr Bytes kPage = KiB(4);

double Overage(Bytes high, Seconds elapsed) {
  return static_cast<double>(ThrottledUsage(high, kPage, elapsed).value) /
             static_cast<double>(high.value) -
         1;
}

TEST(ThrottledUsage, GrowsFreelyUntilADelayIsWorthASleep) {
  // 64 f^2 s must exceed 10 ms: f = 0.0125, in ticks of 10 ms 0.0177.
  EXPECT_GT(Overage(MiB(150), Seconds(0)), 0.0125);
  EXPECT_LT(Overage(MiB(150), Seconds(0)), 0.02);
}

TEST(ThrottledUsage, FollowsTheCubeRootOfTime) {
  // Without ticks and the free start: f^3 = 3 t / (64 x batches in `high`).
  for (const double seconds : {1.5, 5.0}) {
    const double exact = std::cbrt(3 * seconds / 64 / 600);
    EXPECT_NEAR(Overage(MiB(150), Seconds(seconds)), exact, 0.15 * exact) << seconds;
  }
}

TEST(ThrottledUsage, SleepsNoLongerThanTwoSecondsABatch) {
  // 16 batches make memory.high: past f = 0.177 every batch costs 2 s.
  const Bytes high = MiB(4);
  const Bytes later = ThrottledUsage(high, kPage, Seconds(200));
  EXPECT_NEAR(static_cast<double>((later - ThrottledUsage(high, kPage, Seconds(100))).value),
              50.0 * (256 << 10), 256 << 10);
}

TEST(ThrottledUsage, ATenthMoreMemoryHighIsSeen) {
  EXPECT_LT(ThrottledUsage(MiB(150), kPage, Seconds(1.5)), MiB(165));
  EXPECT_LT(ThrottledUsage(MiB(72), kPage, Seconds(1)), Bytes{MiB(72).value / 10 * 11});
}

}  // namespace
}  // namespace nodeproof::conformance
