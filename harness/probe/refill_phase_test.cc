#include "harness/probe/refill_phase.h"

#include <gtest/gtest.h>

namespace nodeproof::probe {
namespace {

constexpr Milliseconds kPeriod{10};
constexpr Nanoseconds kRefill = Milliseconds(123'457) + Microseconds(100);

Nanoseconds After(int periods, Nanoseconds late) { return kRefill + periods * kPeriod + late; }

TEST(RefillPhase, KnowsNothingBeforeEightWereSeen) {
  RefillPhase phase(kPeriod);
  for (int i = 0; i < 7; ++i) phase.Add(After(i, Microseconds(50)));
  EXPECT_FALSE(phase.InTime(After(8, Microseconds(50))));
  phase.Add(After(7, Microseconds(50)));
  EXPECT_TRUE(phase.InTime(After(8, Microseconds(50))));
}

// One that began late, in the second half of a period, once made every refill seem that early.
TEST(RefillPhase, AFewThatBeganAnywhereMoveNothing) {
  RefillPhase phase(kPeriod);
  phase.Add(After(0, Milliseconds(6)));
  for (int i = 1; i < 20; ++i) {
    phase.Add(After(i, i % 3 == 0 ? Microseconds(i * 487) : Microseconds(i * 20)));
  }
  EXPECT_TRUE(phase.InTime(After(30, Microseconds(10))));
  EXPECT_TRUE(phase.InTime(After(31, Milliseconds(1))));
  EXPECT_FALSE(phase.InTime(After(32, Milliseconds(3))));
  EXPECT_FALSE(phase.InTime(After(33, Milliseconds(6))));
  EXPECT_FALSE(phase.InTime(After(34, Milliseconds(9))));
}

TEST(RefillPhase, ThoseInTimeMayLieOnBothSidesOfAPlacesEdge) {
  RefillPhase phase(kPeriod);
  constexpr Nanoseconds kEdge = Milliseconds(400);
  for (int i = 0; i < 10; ++i) {
    phase.Add(kEdge + i * kPeriod + Microseconds(i % 3 == 0 ? -5 : 5));
  }
  EXPECT_TRUE(phase.InTime(kEdge - Microseconds(5)));
  EXPECT_TRUE(phase.InTime(kEdge + Microseconds(5)));
}

TEST(RefillPhase, WithoutAPeriodEverybodyIsInTime) {
  EXPECT_TRUE(RefillPhase(Nanoseconds(0)).InTime(Milliseconds(7)));
}

}  // namespace
}  // namespace nodeproof::probe
