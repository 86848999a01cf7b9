#include "harness/measure/fairness.h"

#include <gtest/gtest.h>

#include <array>

namespace nodeproof::measure {
namespace {

TEST(JainIndex, IsOneWhenAllAreServedAlike) {
  EXPECT_DOUBLE_EQ(JainIndex(std::array{0.4, 0.4, 0.4}), 1);
  EXPECT_DOUBLE_EQ(JainIndex(std::array{7.0}), 1);
}

TEST(JainIndex, FallsToOneOfNWhenOneHasEverything) {
  EXPECT_DOUBLE_EQ(JainIndex(std::array{0.0, 5.0, 0.0, 0.0}), 0.25);
}

TEST(JainIndex, OfHalfAtOneAndHalfAtThree) {
  EXPECT_DOUBLE_EQ(JainIndex(std::array{1.0, 3.0}), 16.0 / 20);
}

TEST(JainIndex, NothingIsFair) {
  EXPECT_DOUBLE_EQ(JainIndex(std::array{0.0, 0.0}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({}), 1);
}

}  // namespace
}  // namespace nodeproof::measure
