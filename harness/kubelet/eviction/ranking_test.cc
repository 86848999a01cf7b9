#include "harness/kubelet/eviction/ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "harness/kubelet/eviction/eviction_test_pods.h"
#include "harness/kubelet/eviction/requests.h"

namespace nodeproof::kubelet::eviction {
namespace {

using testing::ElementsAre;

constexpr FsLayout kOneFs = {};
constexpr FsLayout kImageFs = {.dedicated_image_fs = true};
constexpr FsLayout kSplitFs = {.dedicated_image_fs = true, .split_container_fs = true};

std::vector<std::string> RankedNames(const std::vector<ActivePod>& pods, Signal signal,
                                     FsLayout layout = kOneFs) {
  std::vector<std::string> names;
  for (const size_t i : Rank(pods, CriteriaFor(signal, layout))) names.push_back(pods[i].pod.name);
  return names;
}

ActivePod WithMemory(const char* name, const char* request, int64_t working_set,
                     int32_t priority = 0) {
  ActivePod pod = MakePod(name, priority);
  if (request) pod.pod.containers[0].requests()["memory"] = Quantity::Parse(request).value();
  pod.stats->working_set_bytes = working_set;
  return pod;
}

TEST(EvictionRequests, AreThePodsTotalAndGetOverheadOnlyIfNotZero) {
  Pod pod = MakePod("p").pod;
  pod.overhead["memory"] = Quantity::FromBytes(50);
  EXPECT_EQ(EvictionRequest(pod, kMemory).Value(), 0);
  pod.containers[0].requests()["memory"] = Quantity::FromBytes(100);
  EXPECT_EQ(EvictionRequest(pod, kMemory).Value(), 150);
  Container sidecar;
  sidecar.restart_policy = "Always";
  sidecar.requests()["memory"] = Quantity::FromBytes(30);
  Container init;
  init.requests()["memory"] = Quantity::FromBytes(400);
  pod.init_containers = {sidecar, init};
  EXPECT_EQ(EvictionRequest(pod, kMemory).Value(), 480);  // max(100 + 30, 30 + 400) + 50
}

TEST(EvictionRequests, AnyPodLevelResourceHidesTheContainers) {
  Pod pod = MakePod("p").pod;
  pod.containers[0].requests()["memory"] = Quantity::FromBytes(100);
  pod.containers[0].requests()["ephemeral-storage"] = Quantity::FromBytes(10);
  pod.resources.emplace();
  EXPECT_EQ(EvictionRequest(pod, kMemory).Value(), 100);  // an empty one does not count
  pod.resources->limits["cpu"] = Quantity::FromUnits(1);
  EXPECT_EQ(EvictionRequest(pod, kMemory).Value(), 0);
  EXPECT_EQ(EvictionRequest(pod, kEphemeralStorage).Value(), 0);
  pod.resources->requests["memory"] = Quantity::FromBytes(70);
  EXPECT_EQ(EvictionRequest(pod, kMemory).Value(), 70);
  FeatureGates off;
  ASSERT_TRUE(off.Set(kPodLevelResources, false));
  EXPECT_EQ(EvictionRequest(pod, kMemory, off).Value(), 100);
}

TEST(MemoryRanking, OverRequestThenPriorityThenExcess) {
  EXPECT_THAT(
      RankedNames({WithMemory("within", "1000", 1000, -5), WithMemory("over-low", "10", 20, 1),
                   WithMemory("over-high", "10", 2000, 2), WithMemory("over-more", "10", 21, 1),
                   WithMemory("within-less", "5000", 4000, -5)},
                  Signal::kAllocatableMemoryAvailable),
      ElementsAre("over-more", "over-low", "over-high", "within", "within-less"));
}

TEST(MemoryRanking, QosClassDoesNotCount) {
  // A BestEffort pod that uses nothing comes after a Burstable one over its request.
  EXPECT_THAT(
      RankedNames({WithMemory("best-effort", nullptr, 0), WithMemory("burstable", "10", 11)},
                  Signal::kMemoryAvailable),
      ElementsAre("burstable", "best-effort"));
}

TEST(MemoryRanking, WithoutStatsFirstAndFullTiesKeepTheirOrder) {
  ActivePod blind = MakePod("blind", 100);
  blind.stats.reset();
  EXPECT_THAT(RankedNames({WithMemory("a", "1", 5), WithMemory("b", "1", 5), blind},
                          Signal::kMemoryAvailable),
              ElementsAre("blind", "a", "b"));
}

TEST(PidRanking, PriorityThenProcesses) {
  const auto pod = [](const char* name, int32_t priority, int64_t processes) {
    ActivePod made = MakePod(name, priority);
    made.stats->processes = processes;
    return made;
  };
  ActivePod blind = MakePod("blind", 3);
  blind.stats.reset();
  // Priority is compared before any stats, so the pod without stats is not first.
  EXPECT_THAT(RankedNames({pod("few", 1, 5), pod("many", 1, 50), pod("high", 3, 500), blind},
                          Signal::kPidAvailable),
              ElementsAre("many", "few", "blind", "high"));
}

ActivePod WithDisk(const char* name, FsUsage rootfs, FsUsage logs, FsUsage volume) {
  ActivePod pod = MakePod(name);
  pod.pod.volumes = {MakeVolume(VolumeKind::kEmptyDir)};
  pod.stats->containers = {{.name = "c", .rootfs = rootfs, .logs = logs}};
  pod.stats->volumes = {{.name = "v", .used = volume}};
  return pod;
}

TEST(DiskRanking, LayoutAndSignalDecideWhichUseCounts) {
  const ActivePod pod = WithDisk("p", {1, 10}, {2, 20}, {4, 40});
  const auto counted = [&](Signal signal, FsLayout layout) {
    const Criterion disk = CriteriaFor(signal, layout).back();
    return DiskUsage(pod, disk.fs_uses, disk.disk_resource).Value();
  };
  for (const Signal signal :
       {Signal::kNodeFsAvailable, Signal::kImageFsAvailable, Signal::kContainerFsAvailable}) {
    EXPECT_EQ(counted(signal, kOneFs), 7);
  }
  EXPECT_EQ(counted(Signal::kNodeFsAvailable, kImageFs), 6);
  EXPECT_EQ(counted(Signal::kImageFsAvailable, kImageFs), 1);
  EXPECT_EQ(counted(Signal::kContainerFsAvailable, kImageFs), 1);
  EXPECT_EQ(counted(Signal::kNodeFsAvailable, kSplitFs), 7);
  EXPECT_EQ(counted(Signal::kContainerFsAvailable, kSplitFs), 7);
  EXPECT_EQ(counted(Signal::kImageFsAvailable, kSplitFs), 0);
  EXPECT_EQ(counted(Signal::kNodeFsInodesFree, kImageFs), 60);
  EXPECT_EQ(counted(Signal::kContainerFsInodesFree, kImageFs), 10);
  EXPECT_EQ(counted(Signal::kImageFsInodesFree, kSplitFs), 0);
}

TEST(DiskRanking, OnlyLocalVolumesCount) {
  EXPECT_TRUE(IsLocalVolume(MakeVolume(VolumeKind::kHostPath)));
  EXPECT_TRUE(IsLocalVolume(MakeVolume(VolumeKind::kConfigMap)));
  EXPECT_TRUE(IsLocalVolume(MakeVolume(VolumeKind::kGitRepo)));
  EXPECT_TRUE(IsLocalVolume(MakeVolume(VolumeKind::kEmptyDir)));
  EXPECT_FALSE(IsLocalVolume(MakeVolume(VolumeKind::kEmptyDir, "Memory")));
  EXPECT_FALSE(IsLocalVolume(MakeVolume(VolumeKind::kSecret)));
  EXPECT_FALSE(IsLocalVolume(MakeVolume(VolumeKind::kOther)));
}

TEST(DiskRanking, InodesAreMeasuredAgainstTheBytesRequested) {
  // Both use inodes and nothing can be requested, so both exceed; then upstream subtracts the
  // ephemeral-storage bytes from the count of inodes.
  ActivePod many = WithDisk("many", {0, 1000}, {}, {});
  many.pod.containers[0].requests()["ephemeral-storage"] = Quantity::FromBytes(5000);
  const ActivePod few = WithDisk("few", {0, 10}, {}, {});
  EXPECT_THAT(RankedNames({many, few}, Signal::kNodeFsInodesFree), ElementsAre("few", "many"));
}

// Pods with few distinct values, so that ties at every level are common.
std::vector<ActivePod> RandomPods(std::mt19937& random, size_t count) {
  const auto pick = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  std::vector<ActivePod> pods;
  for (size_t i = 0; i < count; ++i) {
    ActivePod pod = WithDisk("p", {pick(3), pick(3)}, {pick(2), pick(2)}, {pick(2), {}});
    pod.pod.name = fmt::format("p{}", i);
    pod.pod.priority = pick(4) == 0 ? std::optional<int32_t>() : pick(2) - 1;
    if (pick(2)) pod.pod.containers[0].requests()["memory"] = Quantity::FromBytes(pick(3));
    if (pick(2))
      pod.pod.containers[0].requests()["ephemeral-storage"] = Quantity::FromBytes(pick(3));
    pod.stats->working_set_bytes = pick(4);
    pod.stats->processes = pick(3);
    if (pick(5) == 0) pod.stats.reset();
    pods.push_back(std::move(pod));
  }
  return pods;
}

int CompareAll(std::span<const Criterion> criteria, const ActivePod& a, const ActivePod& b) {
  for (const Criterion& criterion : criteria) {
    if (const int result = Compare(criterion, a, b)) return result;
  }
  return 0;
}

TEST(RankingProperty, IsAStrictWeakOrderWithoutInversions) {
  constexpr uint32_t kSeed = 20261121;
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  for (int round = 0; round < 20; ++round) {
    const std::vector<ActivePod> pods = RandomPods(random, 24);
    for (const Signal signal : kAllSignals) {
      for (const FsLayout layout : {kOneFs, kImageFs, kSplitFs}) {
        const std::vector<Criterion> criteria = CriteriaFor(signal, layout);
        std::vector<std::vector<int>> sign(pods.size(), std::vector<int>(pods.size()));
        for (size_t a = 0; a < pods.size(); ++a) {
          for (size_t b = 0; b < pods.size(); ++b) {
            sign[a][b] = CompareAll(criteria, pods[a], pods[b]);
          }
        }
        int broken = 0;
        for (size_t a = 0; a < pods.size(); ++a) {
          broken += sign[a][a] != 0;
          for (size_t b = 0; b < pods.size(); ++b) {
            broken += sign[a][b] != -sign[b][a];
            for (size_t c = 0; c < pods.size(); ++c) {
              broken += sign[a][b] <= 0 && sign[b][c] <= 0 && sign[a][c] > 0;
              broken += sign[a][b] == 0 && sign[b][c] == 0 && sign[a][c] != 0;
            }
          }
        }
        ASSERT_EQ(broken, 0) << "seed " << kSeed << ", round " << round << ", " << ToString(signal);
        const std::vector<size_t> order = Rank(pods, criteria);
        ASSERT_EQ(order.size(), pods.size());
        int inversions = 0;
        for (size_t i = 0; i < order.size(); ++i) {
          for (size_t j = i + 1; j < order.size(); ++j) inversions += sign[order[i]][order[j]] > 0;
        }
        ASSERT_EQ(inversions, 0);
      }
    }
  }
}

}  // namespace
}  // namespace nodeproof::kubelet::eviction
