#include "harness/probe/spinner.h"

#include <gtest/gtest.h>

#include <functional>

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
  EXPECT_GE(one->Lost(), 3 * Milliseconds(2));
  EXPECT_GE(one->TakeLongest(), Milliseconds(2));
  EXPECT_GE(one->Gaps().Percentile(0.5), Milliseconds(2));
  EXPECT_GT(one->Looks(), 0u);
  EXPECT_GT(one->CpuTime().value_or(Nanoseconds(0)), Nanoseconds(0));
}

TEST(QuotaRuns, ARunThatNobodyThrottlesEnds) {
  auto runs = QuotaRuns::Start({.rest = Milliseconds(1), .runs = 2, .most = Milliseconds(3)});
  ASSERT_TRUE(runs);
  ASSERT_TRUE(runs->AwaitAligned(Seconds(60)));
  ASSERT_TRUE(Await([&] { return runs->Read().cycles >= 5; }));
  // On a busy machine gaps may end runs early; none is longer than a lap beyond the most.
  const QuotaRuns::Totals totals = runs->Read();
  EXPECT_GT(totals.first_runs, Nanoseconds(0));
  EXPECT_GT(totals.second_runs, Nanoseconds(0));
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

}  // namespace
}  // namespace nodeproof::probe
