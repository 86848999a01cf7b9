#include "conformance/eviction/inversions.h"

#include <gtest/gtest.h>

namespace nodeproof::conformance {
namespace {

struct Sample {
  std::string name;
  int rank = 0;
  bool Before(const Sample& other) const { return rank < other.rank; }
};

TEST(Inversions, AreCountedByPairs) {
  const std::vector<Sample> samples = {{"a", 1}, {"b", 2}, {"c", 3}};
  EXPECT_EQ(Inversions(samples, {"a", "b", "c"}), 0);
  EXPECT_EQ(Inversions(samples, {"b", "a", "c"}), 1);
  EXPECT_EQ(Inversions(samples, {"c", "b", "a"}), 3);
}

TEST(Inversions, WhoWasNotEvictedIsLast) {
  const std::vector<Sample> samples = {{"a", 1}, {"b", 2}, {"c", 3}};
  EXPECT_EQ(Inversions(samples, {"a"}), 0);
  EXPECT_EQ(Inversions(samples, {"b"}), 1);
  EXPECT_EQ(Inversions(samples, {"c"}), 2);
}

TEST(Inversions, TiesMayGoEitherWay) {
  const std::vector<Sample> samples = {{"a", 1}, {"b", 1}};
  EXPECT_EQ(Inversions(samples, {"b", "a"}), 0);
  EXPECT_EQ(Inversions(samples, {"a", "b"}), 0);
}

}  // namespace
}  // namespace nodeproof::conformance
