#include "harness/stress/fork_storm.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <tuple>

namespace nodeproof::stress {
namespace {

using Kind = ForkStormOptions::Kind;

class EveryKind : public testing::TestWithParam<std::tuple<Kind, int64_t>> {};

TEST_P(EveryKind, StopsAtItsMostAndLeavesNothing) {
  const auto [kind, root] = GetParam();
  auto storm = ForkStorm::Start({.kind = kind, .most = 12});
  ASSERT_TRUE(storm) << storm.error().message;
  while (!storm->Sated()) ASSERT_EQ(storm->Failed(), 0) << storm->LastError();
  ASSERT_TRUE(storm->Halt(Seconds(60)));
  EXPECT_EQ(storm->Births(), 12);
  EXPECT_EQ(storm->Tasks(), 12 + root);
  EXPECT_EQ(storm->Refused(), 0);
  // The keeper ends when the last of its descendants has.
  const auto early = storm->AwaitEnd(Seconds(0));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ETIMEDOUT);
  EXPECT_TRUE(storm->End(Seconds(60)));
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind,
                         testing::Values(std::tuple(Kind::kBomb, 1), std::tuple(Kind::kVfork, 1),
                                         std::tuple(Kind::kThreads, 1),
                                         std::tuple(Kind::kBornInto, 0),
                                         std::tuple(Kind::kChildren, 1)));

TEST(ForkStorm, ARelayGoesOnUntilItIsEnded) {
  auto storm = ForkStorm::Start({.kind = Kind::kRelay, .runners = 3});
  ASSERT_TRUE(storm) << storm.error().message;
  while (storm->Births() < 30) ASSERT_EQ(storm->Failed(), 0) << storm->LastError();
  EXPECT_FALSE(storm->Sated());
  ASSERT_TRUE(storm->End(Seconds(60)));
  const int64_t births = storm->Births();
  EXPECT_GE(births, 30);
}

TEST(ForkStorm, APauseStopsBirthsUntilItIsOver) {
  auto storm = ForkStorm::Start({.kind = Kind::kBomb, .most = 200});
  ASSERT_TRUE(storm) << storm.error().message;
  ASSERT_TRUE(storm->Pause(Seconds(60)));
  const int64_t births = storm->Births();
  if (births < 200) {
    EXPECT_FALSE(storm->Sated());
    EXPECT_EQ(storm->Births(), births);
  }
  storm->Resume();
  while (!storm->Sated()) ASSERT_EQ(storm->Failed(), 0) << storm->LastError();
  ASSERT_TRUE(storm->Halt(Seconds(60)));
  EXPECT_EQ(storm->Births(), 200);
}

TEST(ForkStorm, APauseOfOneThatHasEnoughIsNoWait) {
  auto storm = ForkStorm::Start({.kind = Kind::kBomb, .most = 4});
  ASSERT_TRUE(storm) << storm.error().message;
  while (!storm->Sated()) ASSERT_EQ(storm->Failed(), 0) << storm->LastError();
  EXPECT_TRUE(storm->Pause(Seconds(60)));
  storm->Resume();
  EXPECT_TRUE(storm->Halt(Seconds(60)));
  EXPECT_EQ(storm->Births(), 4);
}

TEST(ForkStorm, OneWithoutEndIsRefused) { EXPECT_FALSE(ForkStorm::Start({.kind = Kind::kBomb})); }

TEST(ForkStorm, MayBeMovedAndDropped) {
  auto storm = ForkStorm::Start({.kind = Kind::kChildren, .most = 2});
  ASSERT_TRUE(storm);
  ForkStorm moved = std::move(*storm);
  while (!moved.Sated()) ASSERT_EQ(moved.Failed(), 0);
  EXPECT_EQ(moved.Births(), 2);
}

}  // namespace
}  // namespace nodeproof::stress
