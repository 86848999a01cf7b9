#include "harness/measure/stall_monitor.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cerrno>

namespace nodeproof::measure {
namespace {

int FirstOwnCpu() {
  cpu_set_t own;
  ::sched_getaffinity(0, sizeof own, &own);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<size_t>(cpu), &own)) ++cpu;
  return cpu;
}

TEST(StallMonitor, RecordsLatenessOnce) {
  auto monitor = StallMonitor::Start(CpuSet{FirstOwnCpu()}, Milliseconds(1));
  if (!monitor && monitor.error().code == EPERM) {
    GTEST_SKIP() << "real-time priority needs CAP_SYS_NICE";
  }
  ASSERT_TRUE(monitor) << monitor.error().message;
  const Clock& clock = MonotonicClock();
  clock.WaitUntil(clock.Now() + Milliseconds(50));
  EXPECT_GT((*monitor)->TakeWorst(), Nanoseconds(0));  // a timer is never early
}

TEST(StallMonitor, ACpuThatIsNotThereIsAnError) {
  const auto monitor = StallMonitor::Start(CpuSet{1000}, Milliseconds(1));
  ASSERT_FALSE(monitor);
  EXPECT_NE(monitor.error().message.find("stall monitor"), std::string::npos);
}

}  // namespace
}  // namespace nodeproof::measure
