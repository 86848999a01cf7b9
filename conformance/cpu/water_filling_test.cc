#include "conformance/cpu/water_filling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double kHog = 1e9;

auto Cpus(std::initializer_list<double> expected) {
  return Pointwise(testing::DoubleNear(1e-9), std::vector<double>(expected));
}

Basin Group(double weight, std::vector<Basin> children) { return {weight, 0, std::move(children)}; }

TEST(WaterFill, SaturatedSiblingsShareByWeight) {
  EXPECT_THAT(WaterFill(Group(1, {{30, kHog}, {70, kHog}}), 1), Cpus({0.3, 0.7}));
  EXPECT_THAT(WaterFill(Group(1, {{39, kHog}, {79, kHog}}), 4),
              Cpus({4 * 39.0 / 118, 4 * 79.0 / 118}));
}

TEST(WaterFill, SharesMultiplyDownTheTree) {
  const Basin root =
      Group(1, {{100, kHog}, Group(400, {{20, kHog}, Group(80, {{70, kHog}, {30, kHog}})})});
  EXPECT_THAT(WaterFill(root, 1), Cpus({0.2, 0.16, 0.64 * 0.7, 0.64 * 0.3}));
}

TEST(WaterFill, WhatAnIdleSiblingLeavesGoesToTheBusyOnesByWeight) {
  EXPECT_THAT(WaterFill(Group(1, {{500, 0}, {100, kHog}, {300, kHog}}), 1), Cpus({0, 0.25, 0.75}));
  EXPECT_THAT(WaterFill(Group(1, {{200, 0.15}, {100, kHog}, {200, kHog}}), 1),
              Cpus({0.15, 0.85 / 3, 2 * 0.85 / 3}));
}

TEST(WaterFill, WhatOneLeavesCanSatisfyAnother) {
  // At first the second's part is 0.3 of the 0.35 that it wants; what the first leaves is enough.
  EXPECT_THAT(WaterFill(Group(1, {{40, 0.1}, {30, 0.35}, {30, kHog}}), 1), Cpus({0.1, 0.35, 0.55}));
}

TEST(WaterFill, AParentWantsWhatItsLeavesWant) {
  const Basin modest = Group(900, {{10, 0.1}, {90, 0.05}});
  EXPECT_THAT(WaterFill(Group(1, {modest, {100, kHog}}), 1), Cpus({0.1, 0.05, 0.85}));
}

TEST(WaterFill, CapacityBeyondAllDemandStaysUnused) {
  EXPECT_THAT(WaterFill(Group(1, {{1, 0.5}, {10000, 0.25}}), 2), Cpus({0.5, 0.25}));
  EXPECT_THAT(WaterFill({100, 3}, 2), Cpus({2}));
}

// Nobody gets more than it wants; all is used while anybody wants more; and whoever wants more
// than it got has no less, for its weight, than any sibling.
TEST(WaterFill, KeepsItsPromisesOnRandomSiblings) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> weight(1, 10000), demand(0, 0.5);
  for (int round = 0; round < 200; ++round) {
    Basin root = Group(1, {});
    double wanted = 0;
    for (int i = 0; i < 1 + round % 9; ++i) {
      root.children.push_back({weight(random), demand(random)});
      wanted += root.children.back().demand;
    }
    const std::vector<double> given = WaterFill(root, 1);
    const double sum = std::accumulate(given.begin(), given.end(), 0.0);
    EXPECT_NEAR(sum, std::min(1.0, wanted), 1e-9);
    for (size_t i = 0; i < given.size(); ++i) {
      const Basin& own = root.children[i];
      ASSERT_LE(given[i], own.demand + 1e-12);
      if (given[i] > own.demand - 1e-9) continue;
      for (size_t j = 0; j < given.size(); ++j) {
        EXPECT_GE(given[i] / own.weight, given[j] / root.children[j].weight - 1e-12);
      }
    }
  }
}

class Predict : public testing::Test {
 protected:
  Predict() {
    const auto plan = kubelet::MakePlan(
        kubelet::SimpleNode(4, GiB(8).value), {},
        {MakePod("small", {{.cpu_request = "1"}}), MakePod("large", {{.cpu_request = "2"}})});
    plan_ = plan.value();
    small_ = PathOfContainer(plan_, "small").value();
    large_ = PathOfContainer(plan_, "large").value();
  }
  kubelet::Plan plan_;
  std::string small_;
  std::string large_;
};

TEST_F(Predict, ReadsTheWeightsOfThePlan) {
  const std::vector<PlannedLoad> loads = {{large_, 1}, {small_, 1}};
  EXPECT_THAT(PredictCpus(plan_, loads, 1).value(),
              ElementsAre(DoubleNear(79.0 / 118, 1e-9), DoubleNear(39.0 / 118, 1e-9)));
  // A demand below its part leaves the rest to the other.
  const std::vector<PlannedLoad> mixed = {{small_, 0.1}, {large_, 1}};
  EXPECT_THAT(PredictCpus(plan_, mixed, 1).value(), Cpus({0.1, 0.9}));
}

TEST_F(Predict, ErrorsNameTheGroup) {
  const auto message = [&](std::vector<PlannedLoad> loads) {
    const auto cpus = PredictCpus(plan_, loads, 1);
    return cpus ? "" : cpus.error().message;
  };
  EXPECT_EQ(message({{"/nowhere", 1}}), "the plan has no group /nowhere for a load");
  EXPECT_EQ(message({{small_, 1}, {small_, 1}}),
            small_ + " has a load and another one there or below");
  EXPECT_EQ(message({{small_, 1}, {"/", 1}}), "/ has a load and another one there or below");
  EXPECT_EQ(message({{small_, 0}}), "the load in " + small_ + " wants no CPU");
}

}  // namespace
}  // namespace nodeproof::conformance
