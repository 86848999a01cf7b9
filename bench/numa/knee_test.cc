#include "bench/numa/knee.h"

#include <gtest/gtest.h>

#include <vector>

namespace nodeproof::bench {
namespace {

TEST(Knee, IsTheLastPointBeforeLatencyHalfDoubles) {
  const std::vector<LoadedPoint> curve = {{0, 100}, {10, 105}, {30, 149}, {40, 160}, {38, 400}};
  EXPECT_EQ(KneeOf(curve), 30);
}

TEST(Knee, NoLoadThatTheMemoryBearsIsNone) {
  EXPECT_EQ(KneeOf(std::vector<LoadedPoint>{{0, 100}, {10, 151}}), 0);
  EXPECT_EQ(KneeOf({}), 0);
}

}  // namespace
}  // namespace nodeproof::bench
