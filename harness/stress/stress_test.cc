#include <gtest/gtest.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/stress/anon_hog.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::stress {
namespace {

// Waits until `reached` says so; a hog that never gets there fails the test by its time limit.
template <typename Condition>
void Until(const Condition& reached) {
  const Clock& clock = MonotonicClock();
  while (!reached()) clock.WaitUntil(clock.Now() + Milliseconds(5));
}

TEST(CpuHog, CountsItsWork) {
  auto hog = CpuHog::Start({});
  ASSERT_TRUE(hog) << hog.error().message;
  ASSERT_TRUE(hog->AwaitReady(Seconds(60)));
  Until([&] { return hog->Work() >= 10; });
  EXPECT_TRUE(hog->Running().value());
}

TEST(CpuHog, APartIsMeteredByItsOwnCpuTime) {
  auto hog = CpuHog::Start({.duty = 0.3, .meter = Milliseconds(50)});
  ASSERT_TRUE(hog) << hog.error().message;
  Until([&] { return hog->Work() >= 50; });
  const Nanoseconds peak = hog->TakePeak();
  EXPECT_GT(peak, Nanoseconds(0));
  // It never holds a whole stretch: that would be a hog without its meter.
  EXPECT_LT(peak, Milliseconds(50));
  EXPECT_FALSE(CpuHog::Start({.duty = 0}));
  EXPECT_FALSE(CpuHog::Start({.duty = 1.5}));
}

TEST(CpuHog, WaitsAtTheGate) {
  const auto gate = cgroup::StartGate::Create();
  ASSERT_TRUE(gate);
  auto hog = CpuHog::Start({.gate = &*gate});
  ASSERT_TRUE(hog) << hog.error().message;
  ASSERT_TRUE(hog->AwaitReady(Seconds(60)));
  EXPECT_EQ(hog->Work(), 0u);
  const Nanoseconds before = hog->CpuTime().value();
  gate->Open();
  Until([&] { return hog->Work() >= 10; });
  EXPECT_GT(hog->CpuTime().value(), before);
  // Who comes later finds the gate open.
  auto late = CpuHog::Start({.gate = &*gate});
  ASSERT_TRUE(late) << late.error().message;
  Until([&] { return late->Work() >= 1; });
}

TEST(AnonHog, TouchesItsTargetAndHoldsIt) {
  auto hog = AnonHog::Start({.target = MiB(8)});
  ASSERT_TRUE(hog) << hog.error().message;
  ASSERT_TRUE(hog->AwaitFull(Seconds(60)));
  EXPECT_EQ(hog->Touched(), MiB(8));
  EXPECT_EQ(hog->TouchedInAll(), MiB(8));
  EXPECT_TRUE(hog->Running().value());
}

TEST(AnonHog, ChurnGoesOnTouching) {
  auto hog = AnonHog::Start({.target = MiB(2), .churn = true});
  ASSERT_TRUE(hog) << hog.error().message;
  Until([&] { return hog->TouchedInAll() >= MiB(10); });
  EXPECT_EQ(hog->Touched(), MiB(2));
}

TEST(AnonHog, AnEndBeforeTheTargetIsAnError) {
  // More than an address space holds: mmap refuses, and the hog ends.
  auto hog = AnonHog::Start({.target = Bytes{INT64_MAX / 4096 * 4096}});
  ASSERT_TRUE(hog);
  const auto full = hog->AwaitFull(Seconds(60));
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().message.find("anon-hog ended before it was ready: exit 120"),
            std::string::npos)
      << full.error().message;
}

}  // namespace
}  // namespace nodeproof::stress
