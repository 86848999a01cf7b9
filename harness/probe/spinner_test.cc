#include "harness/probe/spinner.h"

#include <gtest/gtest.h>

#include <functional>

#include "harness/probe/budget_user.h"
#include "harness/probe/quota_runs.h"
#include "harness/probe/waker.h"

namespace nodeproof::probe {
namespace {

// Waits until `reached` holds; false after a minute.
bool Await(const std::function<bool()>& reached) {
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::minutes(1);
  while (!reached()) {
    if (clock.Now() > deadline) return false;
    clock.WaitUntil(clock.Now() + Milliseconds(5));
  }
  return true;
}

// Two that want the same CPU lose half of it each.
TEST(Spinner, NotesWhatAnotherOneTakes) {
  const CpuSet cpu{0};
  auto one = Spinner::Start({.affinity = cpu});
  auto other = Spinner::Start({.affinity = cpu});
  ASSERT_TRUE(one && other);
  ASSERT_TRUE(one->AwaitReady(Seconds(60)));
  ASSERT_TRUE(other->AwaitReady(Seconds(60)));
  EXPECT_TRUE(Await([&] { return one->Gaps().count() >= 3 && other->Gaps().count() >= 3; }));
  EXPECT_GE(one->TakeLongest(), Milliseconds(2));
  EXPECT_GE(one->Gaps().Percentile(0.5), Milliseconds(2));
  EXPECT_GT(one->Looks(), 0u);
}

TEST(QuotaRuns, ARunThatNobodyThrottlesEnds) {
  auto runs = QuotaRuns::Start({.rest = Milliseconds(1),
                                .runs = 2,
                                .throttled = std::chrono::seconds(10),
                                .most = Milliseconds(3)});
  ASSERT_TRUE(runs);
  const auto cycle = runs->AwaitCycle(4, Seconds(60));
  ASSERT_TRUE(cycle) << cycle.error().message;
  EXPECT_GE(cycle->number, 5u);
  EXPECT_GE(cycle->first.charged, Milliseconds(3));
  EXPECT_GE(cycle->second.charged, Milliseconds(3));
  EXPECT_EQ(cycle->first.throttled, Nanoseconds(0));
  EXPECT_EQ(runs->Stalls().count(), 0u);
}

TEST(QuotaRuns, SaysThatNoCycleEnded) {
  auto runs = QuotaRuns::Start({.throttled = std::chrono::hours(1), .most = std::chrono::hours(1)});
  ASSERT_TRUE(runs);
  const auto cycle = runs->AwaitCycle(0, Seconds(0.01));
  ASSERT_FALSE(cycle);
  EXPECT_NE(cycle.error().message.find("no cycle"), std::string::npos);
}

// Without a quota it finds no refill, and uses its part of some period all the same.
TEST(BudgetUser, UsesItsPart) {
  constexpr Nanoseconds kUse = Milliseconds(2);
  auto user = BudgetUser::Start(
      {.period = Milliseconds(50), .quota = Milliseconds(40), .use = kUse, .gap = Milliseconds(5)});
  ASSERT_TRUE(user);
  ASSERT_TRUE(user->AwaitAligned(Seconds(60)));
  ASSERT_TRUE(Await([&] { return user->Periods() >= 3; }));
  EXPECT_GE(user->LastEnded(), user->Refill() + 2 * Milliseconds(50));
  EXPECT_GE(user->TakePeak(), kUse);
  EXPECT_GT(user->Refill(), Nanoseconds(0));
}

TEST(Waker, StartsAnew) {
  auto waker = Waker::Start({.interval = Milliseconds(1), .work = Microseconds(10)});
  ASSERT_TRUE(waker);
  ASSERT_TRUE(waker->AwaitReady(Seconds(60)));
  ASSERT_TRUE(Await([&] { return waker->Lateness().count() >= 50; }));
  ASSERT_TRUE(waker->StartAnew(Seconds(60)));
  EXPECT_LT(waker->Lateness().count(), 50u);
  EXPECT_TRUE(Await([&] { return waker->Lateness().count() >= 10; }));
  EXPECT_GE(waker->Lateness().Max(), waker->Lateness().Percentile(0.5));
}

// One that is asked for more than a CPU falls behind, and says so.
TEST(Waker, FallsBehind) {
  auto waker = Waker::Start({.interval = Milliseconds(1), .work = Milliseconds(2)});
  ASSERT_TRUE(waker);
  EXPECT_TRUE(Await([&] { return waker->Lateness().Max() > Milliseconds(20); }));
}

// One that does not run begins nothing, but what is due waits.
TEST(Waker, TellsWhatWaits) {
  auto waker = Waker::Start({.interval = std::chrono::hours(1), .work = Microseconds(10)});
  ASSERT_TRUE(waker);
  ASSERT_TRUE(waker->AwaitReady(Seconds(60)));
  ASSERT_TRUE(Await([&] { return waker->Lateness().count() == 1; }));
  measure::Histogram later;
  waker->AddWaiting(later);
  EXPECT_EQ(later.count(), 0u) << "the next is due in an hour";

  // Its first request of two seconds keeps it from the others, which are due every 20 ms.
  auto late = Waker::Start({.interval = Milliseconds(20), .work = std::chrono::seconds(2)});
  ASSERT_TRUE(late);
  ASSERT_TRUE(late->AwaitReady(Seconds(60)));
  ASSERT_TRUE(Await([&] {
    measure::Histogram waiting;
    late->AddWaiting(waiting);
    return waiting.count() >= 3 && waiting.Max() > Milliseconds(50);
  }));
}

}  // namespace
}  // namespace nodeproof::probe
