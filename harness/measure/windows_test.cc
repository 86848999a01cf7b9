#include "harness/measure/windows.h"

#include <gtest/gtest.h>

#include <random>

namespace nodeproof::measure {
namespace {

using results::Expectation;
using results::Finding;
using results::Relation;

const Quantity kShare{"share", {0.7, Relation::kWithin, 0.02, "ratio"}};

Result<WindowedChecks> Take(const std::function<Window()>& window, WindowPlan plan = {}) {
  FakeClock clock;
  return TakeWindows(
      clock, plan, {kShare}, [] { return Status(); },
      [&](Seconds) -> Result<Window> { return window(); }, {});
}

TEST(TakeWindows, AQuietMachineFinishesAtTheFirstLook) {
  const auto taken = Take([] { return Window{{0.7}, {}}; }).value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kInside);
  EXPECT_EQ(taken.checks[0].measured.samples.size(), 8u);
  EXPECT_TRUE(taken.notes.empty());
}

TEST(TakeWindows, ANoisyMachineTakesMore) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise(0.7, 0.03);
  const auto taken = Take(
                         [&] {
                           return Window{{noise(random)}, {}};
                         },
                         {Milliseconds(400), Seconds(100)})
                         .value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kInside);
  EXPECT_GT(taken.checks[0].measured.samples.size(), 8u);
}

TEST(TakeWindows, WhatTheBudgetCannotDecideStaysUnclear) {
  int i = 0;
  const auto taken = Take([&] { return Window{{++i % 2 ? 0.2 : 1.2}, {}}; }).value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kUnclear);
  EXPECT_EQ(taken.checks[0].measured.samples.size(), 50u);  // 20 s of 400 ms
}

TEST(TakeWindows, AViolationIsDecidedAtTheFirstLook) {
  const auto taken = Take([] { return Window{{0.5}, {}}; }).value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kOutside);
  EXPECT_EQ(taken.checks[0].measured.samples.size(), 8u);
}

TEST(TakeWindows, DisturbedWindowsAreDiscardedAndSaidSo) {
  int i = 0;
  const auto taken =
      Take([&] {
        return ++i % 3 == 0 ? Window{{9.0}, "the node stood still"} : Window{{0.7}, {}};
      }).value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kInside);
  EXPECT_EQ(taken.checks[0].measured.samples.size(), 8u);
  ASSERT_EQ(taken.notes.size(), 1u);
  EXPECT_EQ(taken.notes[0], "3 of 11 windows discarded: the node stood still");
}

TEST(TakeWindows, HalfTheBudgetShowsThatNothingCanBeUsed) {
  int taken = 0;
  const auto never = Take([&] {
                       ++taken;
                       return Window{{}, "the node stood still"};
                     }).value();
  EXPECT_EQ(taken, 25);  // 10 s of 400 ms
  EXPECT_EQ(never.checks[0].finding, Finding::kUnclear);

  taken = 0;
  const auto seldom =
      Take([&] {
        return ++taken % 5 == 0 ? Window{{0.7}, {}} : Window{{}, "the node stood still"};
      }).value();
  EXPECT_EQ(seldom.checks[0].finding, Finding::kInside);
}

TEST(TakeWindows, AnUnfinishedWindowStaysOpen) {
  FakeClock clock;
  std::vector<double> walls;
  const auto taken = TakeWindows(
                         clock, {}, {kShare}, [] { return Status(); },
                         [&](Seconds wall) -> Result<Window> {
                           if (wall.count() < 1) return Window{.unfinished = true};
                           walls.push_back(wall.count());
                           return Window{{0.7}, {}};
                         },
                         {})
                         .value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kInside);
  ASSERT_EQ(walls.size(), 8u);
  for (const double wall : walls) EXPECT_NEAR(wall, 1.2, 1e-6);  // three lengths of 400 ms
  EXPECT_EQ(clock.Now(), Milliseconds(8 * 1200));
}

TEST(TakeWindows, AWindowThatNeverFinishesEndsWithTheBudget) {
  const auto taken = Take([] { return Window{.unfinished = true}; }).value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kUnclear);
  EXPECT_TRUE(taken.checks[0].measured.samples.empty());
}

TEST(TakeWindows, NothingButDisturbedWindowsDecideNothing) {
  const auto taken = Take([] { return Window{{}, "the node stood still"}; }).value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kUnclear);
}

TEST(TakeWindows, WhatMustNeverHappenIsWatchedLonger) {
  FakeClock clock;
  Quantity never{"throttled", {0, Relation::kAtMost, 0, "count"}, 27};
  const auto taken = TakeWindows(
      clock, {}, {never}, [] { return Status(); },
      [](Seconds) -> Result<Window> {
        return Window{{0}, {}};
      },
      {});
  EXPECT_EQ(taken->checks[0].finding, Finding::kInside);
  EXPECT_EQ(taken->checks[0].measured.samples.size(), 27u);
}

TEST(TakeWindows, TooFewWindowsDecideNothing) {
  const auto taken = Take(
                         [] {
                           return Window{{0.7}, {}};
                         },
                         {Milliseconds(400), Seconds(1)})
                         .value();
  EXPECT_EQ(taken.checks[0].finding, Finding::kUnclear);
  // Three fit in; two, in more than half the time, show that there will not be eight.
  EXPECT_EQ(taken.checks[0].measured.samples.size(), 2u);
}

TEST(TakeWindows, ErrorsEndTheMeasurement) {
  FakeClock clock;
  const auto taken = TakeWindows(
      clock, {}, {kShare}, [] { return Status(); },
      [](Seconds) -> Result<Window> { return Fail("cpu.stat is gone"); }, {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, "cpu.stat is gone");
}

// The looks spend the 1 % together: of 2,000 measurements of a kernel that is exactly on the edge
// of the band, at most 1 % may be called outside (and 40 is 4 standard deviations above 20).
TEST(TakeWindows, RepeatedLooksKeepTheErrorRate) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise(0.68, 0.02);
  int wrong = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto taken = Take(
                           [&] {
                             return Window{{noise(random)}, {}};
                           },
                           {Milliseconds(400), Seconds(100)})
                           .value();
    if (taken.checks[0].finding == Finding::kOutside) ++wrong;
  }
  EXPECT_LT(wrong, 40);
}

}  // namespace
}  // namespace nodeproof::measure
