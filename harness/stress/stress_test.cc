#include <gtest/gtest.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/stress/anon_hog.h"
#include "harness/stress/autosizer.h"
#include "harness/stress/cpu_hog.h"
#include "harness/stress/file_flood.h"
#include "harness/stress/slab_growth.h"
#include "harness/stress/thread_growth.h"

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

TEST(AnonHog, GrowsAtItsRate) {
  const Nanoseconds begun = MonotonicClock().Now();
  auto hog = AnonHog::Start({.target = MiB(4), .rate = MiB(16)});
  ASSERT_TRUE(hog) << hog.error().message;
  ASSERT_TRUE(hog->AwaitFull(Seconds(60)));
  // The last step of 64 KiB is due at 63/64 of a quarter of a second.
  EXPECT_GE(MonotonicClock().Now() - begun, Milliseconds(246));
}

std::string InMemory(const Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

TEST(FileFlood, MovesItsAmountInEachWay) {
  using Kind = FileFloodOptions::Kind;
  const auto fd = MemoryFile("flood", true);
  ASSERT_TRUE(fd);
  ASSERT_TRUE(WriteAll(fd->get(), std::string(1 << 20, 'a'), "flood"));
  for (const Kind kind : {Kind::kRead, Kind::kReadTwice, Kind::kMap, Kind::kWrite}) {
    auto flood = FileFlood::Start({.kind = kind, .file = InMemory(*fd), .amount = MiB(3)});
    ASSERT_TRUE(flood) << flood.error().message;
    ASSERT_TRUE(flood->AwaitDone(Seconds(60))) << static_cast<int>(kind);
    EXPECT_EQ(flood->Moved(), MiB(3));
    EXPECT_TRUE(flood->Running().value());
  }
  EXPECT_EQ(ReadFile(InMemory(*fd)).value(), std::string(1 << 20, 'x'));
}

TEST(FileFlood, AFileThatIsNotThereEndsIt) {
  auto flood = FileFlood::Start({.file = "/no/such/file", .amount = MiB(1)});
  ASSERT_TRUE(flood);
  const auto done = flood->AwaitDone(Seconds(60));
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("exit 118"), std::string::npos) << done.error().message;
}

TEST(SlabGrowth, CountsWhatItMade) {
  using Kind = SlabGrowthOptions::Kind;
  for (const Kind kind : {Kind::kNegativeDentries, Kind::kHeldInodes}) {
    auto growth = SlabGrowth::Start({.kind = kind, .count = 200, .directory = "/"});
    ASSERT_TRUE(growth) << growth.error().message;
    ASSERT_TRUE(growth->AwaitDone(Seconds(60)));
    EXPECT_EQ(growth->Made(), 200);
    EXPECT_TRUE(growth->Running().value());
  }
}

TEST(SlabGrowth, ADirectoryThatIsNotThereEndsIt) {
  auto growth = SlabGrowth::Start({.count = 1, .directory = "/no/such/directory"});
  ASSERT_TRUE(growth);
  const auto done = growth->AwaitDone(Seconds(60));
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("exit 117"), std::string::npos) << done.error().message;
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

TEST(AutosizeLaw, LowersWhileCalmAndGivesWayToStalls) {
  const AutosizeLaw law{.target = 0.01, .probe = 0.05, .backoff = 0.10};
  EXPECT_EQ(law.Next(MiB(100), 0), MiB(95));
  EXPECT_EQ(law.Next(MiB(100), 0.01), MiB(95));
  EXPECT_EQ(law.Next(MiB(100), 0.011).value, 115'343'360);
  EXPECT_EQ(law.Next(MiB(100), 1).value, 115'343'360);
}

TEST(ThreadGrowth, TouchesHeapStacksAndWhatItShares) {
  auto growth =
      ThreadGrowth::Start({.heap = MiB(2), .threads = 3, .stack = KiB(512), .shared = MiB(1)});
  ASSERT_TRUE(growth) << growth.error().message;
  ASSERT_TRUE(growth->AwaitDone(Seconds(60)));
  EXPECT_EQ(growth->Heap(), MiB(2));
  EXPECT_EQ(growth->Stacks(), KiB(3 * (512 - 32)));
  EXPECT_EQ(growth->Shared(), MiB(1));
  EXPECT_TRUE(growth->Running().value());
}

}  // namespace
}  // namespace nodeproof::stress
