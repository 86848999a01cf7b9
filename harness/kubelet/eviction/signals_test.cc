#include "harness/kubelet/eviction/signals.h"

#include <gtest/gtest.h>

namespace nodeproof::kubelet::eviction {
namespace {

TEST(Signals, EveryNameReadsBackAsItsSignal) {
  for (const Signal signal : kAllSignals) EXPECT_EQ(SignalNamed(ToString(signal)), signal);
  EXPECT_EQ(SignalNamed("swap.available"), std::nullopt);
  EXPECT_EQ(SignalNamed(""), std::nullopt);
}

TEST(Signals, ResourceAndConditionFollowTheSignal) {
  EXPECT_EQ(ResourceOf(Signal::kAllocatableMemoryAvailable), "memory");
  EXPECT_EQ(ResourceOf(Signal::kImageFsAvailable), "ephemeral-storage");
  EXPECT_EQ(ResourceOf(Signal::kContainerFsInodesFree), "inodes");
  EXPECT_EQ(ResourceOf(Signal::kPidAvailable), "pids");
  EXPECT_EQ(ToString(ConditionOf(Signal::kMemoryAvailable)), "MemoryPressure");
  EXPECT_EQ(ToString(ConditionOf(Signal::kNodeFsInodesFree)), "DiskPressure");
  EXPECT_EQ(ToString(ConditionOf(Signal::kPidAvailable)), "PIDPressure");
}

TEST(Signals, WorkingSetIsUsageLessInactiveFileAndNeverNegative) {
  EXPECT_EQ(WorkingSet(1000, 300), 700);
  EXPECT_EQ(WorkingSet(300, 1000), 0);
  EXPECT_EQ(RootUsage(400, 600), 1000);
}

TEST(Signals, MemoryIsTheLimitLessTheWorkingSet) {
  const SignalObservations observed =
      Observe({.root = MemoryReading{.usage_bytes = 900,
                                     .inactive_file_bytes = 100,
                                     .limit_bytes = 1000,
                                     .time = Nanoseconds(7)},
               .kubepods = MemoryReading{.usage_bytes = 700, .limit_bytes = 600}});
  EXPECT_EQ(observed.at(Signal::kMemoryAvailable),
            (SignalObservation{.available = 200, .capacity = 1000, .time = Nanoseconds(7)}));
  // A working set above the limit leaves less than nothing.
  EXPECT_EQ(observed.at(Signal::kAllocatableMemoryAvailable),
            (SignalObservation{.available = -100, .capacity = 600}));
  EXPECT_EQ(observed.size(), 2u);
}

TEST(Signals, WithoutALimitThereIsNoObservation) {
  NodeReading reading;
  reading.kubepods = MemoryReading{.usage_bytes = 700};
  EXPECT_TRUE(Observe(reading).empty());
  reading.kubepods->limit_bytes = (int64_t{1} << 62) + 1;  // what cAdvisor takes for unlimited
  EXPECT_TRUE(Observe(reading).empty());
  reading.kubepods->limit_bytes = int64_t{1} << 62;
  EXPECT_EQ(Observe(reading).size(), 1u);
}

TEST(Signals, FileSystemsGiveBytesAndInodesSeparately) {
  NodeReading reading;
  reading.nodefs = FsReading{.available_bytes = 10, .capacity_bytes = 100};
  reading.imagefs = FsReading{.inodes_free = 5, .inodes = 50};
  reading.containerfs = FsReading{.available_bytes = 1, .inodes = 9};  // halves: neither signal
  const SignalObservations observed = Observe(reading);
  EXPECT_EQ(observed.size(), 2u);
  EXPECT_EQ(observed.at(Signal::kNodeFsAvailable).capacity, 100);
  EXPECT_EQ(observed.at(Signal::kImageFsInodesFree).available, 5);
}

TEST(Signals, PidsAreBoundedByTheLowerOfBothMaxima) {
  NodeReading reading;
  reading.pids = PidReading{.pid_max = 32768, .threads_max = 1000, .tasks = 400};
  EXPECT_EQ(Observe(reading).at(Signal::kPidAvailable),
            (SignalObservation{.available = 600, .capacity = 1000}));
}

}  // namespace
}  // namespace nodeproof::kubelet::eviction
