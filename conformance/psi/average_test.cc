#include "conformance/psi/average.h"

#include <gtest/gtest.h>

namespace nodeproof::conformance {
namespace {

// As the kernel does it, in fixed point; `scale` is what a broken one does to a period's percents.
class Kernel {
 public:
  Kernel(uint64_t exp, double scale) : exp_(exp), scale_(scale) {}
  void Renew(Microseconds grown, Nanoseconds period) {
    const auto percent =
        static_cast<uint64_t>(scale_ * 100 * Seconds(grown).count() / Seconds(period).count());
    const uint64_t active = percent * 2048;
    uint64_t load = load_ * exp_ + active * (2048 - exp_);
    if (active >= load_) load += 2047;
    load_ = load / 2048;
  }
  // As it is printed.
  double Shown() const {
    return static_cast<double>(load_ >> 11) +
           static_cast<double>(((load_ & 2047) * 100) >> 11) / 100;
  }

 private:
  uint64_t exp_;
  double scale_;
  uint64_t load_ = 0;
};

// Half of the time is stalled, by turns of 50 ms; a reading every 5 ms; the average is renewed
// every 2004 ms, at some moment between two readings.
std::optional<results::Measurement> Follow(uint64_t exp, double kept, double scale) {
  Kernel kernel(exp, scale);
  AverageFollower follower(kept);
  Microseconds total{0}, before{0};
  for (int64_t ms = 0; ms < 6500; ++ms) {
    if (ms / 50 % 2 == 0) total += Milliseconds(1);
    if (ms % 2004 == 703) {
      kernel.Renew(total - before, Milliseconds(ms < 2004 ? 704 : 2004));
      before = total;
    }
    if (ms % 5 == 0) {
      follower.Add(Milliseconds(ms), Milliseconds(ms) + Microseconds(300), total, kernel.Shown());
    }
  }
  return follower.OfTotal();
}

TEST(AverageFollower, ATrueAverageTakesInWhatTheTotalGrew) {
  for (const auto& [exp, kept] : {std::pair(uint64_t{1677}, kKept10), {uint64_t{1981}, kKept60}}) {
    const auto found = Follow(exp, kept, 1);
    ASSERT_TRUE(found);
    EXPECT_LE(found->low, 1);
    EXPECT_GE(found->high, 1);
    EXPECT_GT(found->low, 0.95) << exp;
    EXPECT_LT(found->high, 1.05) << exp;
  }
}

TEST(AverageFollower, ATenthMoreOrLessIsSeen) {
  for (const auto& [exp, kept] : {std::pair(uint64_t{1677}, kKept10), {uint64_t{1981}, kKept60}}) {
    EXPECT_GT(Follow(exp, kept, 1.1)->low, 1.05) << exp;
    EXPECT_LT(Follow(exp, kept, 0.9)->high, 0.95) << exp;
  }
}

TEST(AverageFollower, SaysNothingBeforeAWholePeriod) {
  AverageFollower follower(kKept10);
  follower.Add(Milliseconds(0), Milliseconds(1), Microseconds(0), 0);
  follower.Add(Milliseconds(5), Milliseconds(6), Microseconds(4000), 1.5);
  EXPECT_FALSE(follower.TakenIn());
  EXPECT_FALSE(follower.OfTotal());
}

TEST(AverageFollower, SaysNothingOfAPeriodWithARenewalThatDidNotShow) {
  AverageFollower follower(kKept10);
  const auto at = [&](int64_t ms, int64_t total_ms, double average) {
    follower.Add(Milliseconds(ms), Milliseconds(ms), Milliseconds(total_ms), average);
  };
  at(0, 0, 0);
  at(5, 5, 9);
  at(4010, 2005, 9);
  at(4015, 2010, 16);
  EXPECT_FALSE(follower.OfTotal());
  EXPECT_FALSE(follower.TakenIn());
}

}  // namespace
}  // namespace nodeproof::conformance
