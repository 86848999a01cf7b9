#include <gtest/gtest.h>

#include "bench/mechanics/births.h"
#include "bench/mechanics/chase.h"
#include "bench/mechanics/echo.h"
#include "bench/mechanics/loop.h"
#include "bench/mechanics/stream.h"
#include "harness/base/clock.h"

namespace nodeproof::bench {
namespace {

TEST(Region, IsAlignedToItsPagesAndZeroAgainOnceDropped) {
  const auto region = Region::Map(MiB(4), Pages::k4K);
  ASSERT_TRUE(region) << region.error().message;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % 4096, 0u);
  region->Touch(KiB(4));
  EXPECT_EQ(region->data()[4096 * 7], std::byte{1});
  ASSERT_TRUE(region->Drop());
  EXPECT_EQ(region->data()[4096 * 7], std::byte{0});
}

TEST(Chase, GoesRoundAllLinesOfItsWorkingSet) {
  auto chase = Chase::Make(KiB(64), Pages::k4K, 3);
  ASSERT_TRUE(chase) << chase.error().message;
  EXPECT_EQ(chase->lines(), 1024);
  const void* start = chase->at();
  chase->Walk(1);
  EXPECT_NE(chase->at(), start);
  chase->Walk(chase->lines() - 1);
  EXPECT_EQ(chase->at(), start);
}

TEST(Chase, NeedsTwoLines) { EXPECT_FALSE(Chase::Make(Bytes{64}, Pages::k4K, 1)); }

TEST(Stream, CountsWhatItMoved) {
  const auto region = Region::Map(KiB(8), Pages::k4K);
  ASSERT_TRUE(region);
  for (const Stream kind : {Stream::kWrite, Stream::kRead, Stream::kCopy}) {
    EXPECT_EQ(StreamOnce(*region, kind), 8192);
  }
  EXPECT_EQ(region->data()[8191], std::byte{1});
}

TEST(Births, ForkAndVforkLeaveNoChildBehind) {
  for (const Birth birth : {Birth::kFork, Birth::kVfork}) {
    EXPECT_TRUE(BirthAndDeath(birth, nullptr));
  }
}

TEST(Echo, AnswersEveryByte) {
  const auto partner = EchoPartner::Start(nullptr, 0);
  ASSERT_TRUE(partner) << partner.error().message;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(partner->RoundTrip());
}

TEST(Loop, CountsItsOperations) {
  auto loop = Loop::Start({}, []() -> Result<Operation> {
    return Operation([]() -> Result<Nanoseconds> { return Microseconds(7); });
  });
  ASSERT_TRUE(loop);
  ASSERT_TRUE(loop->AwaitReady(Seconds(10)));
  const Nanoseconds deadline = MonotonicClock().Now() + std::chrono::seconds(10);
  while (loop->Done() < 100 && MonotonicClock().Now() < deadline) {
  }
  EXPECT_GE(loop->Done(), 100);
  EXPECT_EQ(loop->Latencies().Max(), Microseconds(7));
  EXPECT_TRUE(loop->Check());
}

TEST(Loop, AnOperationThatCannotBeMadeSaysWhy) {
  auto loop = Loop::Start({}, []() -> Result<Operation> {
    return std::unexpected(Error{"no such disk", "", 0, true});
  });
  ASSERT_TRUE(loop);
  const Status ready = loop->AwaitReady(Seconds(10));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().message, "no such disk");
  EXPECT_TRUE(ready.error().unsupported);
}

}  // namespace
}  // namespace nodeproof::bench
