#include "harness/kubelet/eviction/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "harness/kubelet/eviction/eviction_test_pods.h"

namespace nodeproof::kubelet::eviction {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Decision::Kind;

constexpr int64_t kGi = int64_t{1} << 30;

// The loop with its state, a clock and one node.
struct Loop {
  LoopConfig config;
  LoopState state;
  LoopInput input;

  explicit Loop(const ThresholdSettings& settings) {
    config.thresholds = ParseThresholds(settings).value();
  }

  // The next pass `later` with this much left of the signal, freshly read.
  Decision Pass(Nanoseconds later, Signal signal, int64_t available, int64_t capacity = 10 * kGi) {
    input.now += later;
    input.signals[signal] = {available, capacity, input.now};
    StepResult result = Step(config, state, input);
    state = std::move(result.state);
    return result.decision;
  }
};

ThresholdSettings Settings(StringMap hard, StringMap soft = {}, StringMap grace = {},
                           StringMap min_reclaim = {}) {
  return {.hard = std::move(hard),
          .soft = std::move(soft),
          .soft_grace_period = std::move(grace),
          .min_reclaim = std::move(min_reclaim),
          .enforce_node_allocatable = {}};
}

ActivePod Using(const std::string& name, int64_t working_set, int32_t priority = 0) {
  ActivePod pod = MakePod(name, priority);
  pod.stats->working_set_bytes = working_set;
  return pod;
}

std::string Evicted(const Decision& decision) {
  return decision.evictions.size() == 1 ? decision.evictions[0].name : "";
}

TEST(Loop, AHardThresholdEvictsOnePodAtOnceWithOneSecondOfGrace) {
  Loop loop(Settings({{"memory.available", "1Gi"}}));
  loop.input.pods = {Using("small", 10), Using("large", 20)};
  const Decision quiet = loop.Pass(seconds(10), Signal::kMemoryAvailable, kGi);
  EXPECT_EQ(quiet.kind, Kind::kNothing);
  EXPECT_EQ(quiet.why, "no threshold is met");
  const Decision decision = loop.Pass(seconds(10), Signal::kMemoryAvailable, kGi - 1);
  EXPECT_EQ(decision.kind, Kind::kEvict);
  EXPECT_EQ(Evicted(decision), "default/large");
  EXPECT_EQ(decision.evictions[0].grace_seconds, 1);
  EXPECT_THAT(decision.ranking, ElementsAre(1, 0));
  EXPECT_THAT(decision.why, HasSubstr("memory.available < 1Gi (hard)"));
  EXPECT_THAT(loop.state.conditions, ElementsAre(NodeCondition::kMemoryPressure));
}

TEST(Loop, ASoftThresholdWaitsForItsGracePeriodAndRestartsItWhenRelieved) {
  Loop loop(Settings({}, {{"memory.available", "2Gi"}}, {{"memory.available", "1m"}}));
  loop.config.max_pod_grace_seconds = 20;
  loop.input.pods = {Using("p", 10)};
  loop.input.pods[0].pod.termination_grace_seconds = 30;
  EXPECT_EQ(loop.Pass(seconds(10), Signal::kMemoryAvailable, kGi).kind, Kind::kNothing);
  // The node is under pressure already, grace or not.
  EXPECT_THAT(loop.state.conditions, ElementsAre(NodeCondition::kMemoryPressure));
  EXPECT_THAT(loop.Pass(seconds(59), Signal::kMemoryAvailable, kGi).why, HasSubstr("met for 59"));
  EXPECT_EQ(loop.Pass(seconds(0), Signal::kMemoryAvailable, 3 * kGi).kind, Kind::kNothing);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, kGi).kind, Kind::kNothing);
  EXPECT_EQ(loop.Pass(seconds(59), Signal::kMemoryAvailable, kGi).kind, Kind::kNothing);
  const Decision decision = loop.Pass(seconds(1), Signal::kMemoryAvailable, kGi);
  EXPECT_EQ(decision.kind, Kind::kEvict);
  EXPECT_EQ(decision.evictions[0].grace_seconds, 20);
}

TEST(Loop, GraceOfASoftEvictionIsTheLesserOfConfigurationAndPod) {
  for (const auto& [most, pod_grace, expected] :
       std::vector<std::tuple<int64_t, std::optional<int64_t>, int64_t>>{
           {0, 30, 0}, {60, 30, 30}, {60, 90, 60}, {60, std::nullopt, 60}}) {
    Loop loop(Settings({}, {{"memory.available", "2Gi"}}, {{"memory.available", "1ns"}}));
    loop.config.max_pod_grace_seconds = most;
    loop.input.pods = {Using("p", 10)};
    loop.input.pods[0].pod.termination_grace_seconds = pod_grace;
    loop.Pass(seconds(1), Signal::kMemoryAvailable, kGi);
    const Decision decision = loop.Pass(seconds(1), Signal::kMemoryAvailable, kGi);
    ASSERT_EQ(decision.evictions.size(), 1u);
    EXPECT_EQ(decision.evictions[0].grace_seconds, expected);
  }
}

TEST(Loop, MinReclaimCountsOnlyAfterTheThresholdWasMet) {
  Loop loop(Settings({{"memory.available", "1Gi"}}, {}, {}, {{"memory.available", "500Mi"}}));
  loop.input.pods = {Using("p", 10)};
  const int64_t between = kGi + (int64_t{1} << 28);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, between).kind, Kind::kNothing);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, kGi - 1).kind, Kind::kEvict);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, between).kind, Kind::kEvict);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, 2 * kGi).kind, Kind::kNothing);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, between).kind, Kind::kNothing);
}

TEST(Loop, AConditionHoldsForTheTransitionPeriodAfterItWasLastSeen) {
  Loop loop(Settings({{"pid.available", "100"}}));
  loop.Pass(seconds(1), Signal::kPidAvailable, 99);
  EXPECT_THAT(loop.state.conditions, ElementsAre(NodeCondition::kPidPressure));
  loop.Pass(minutes(5) - seconds(1), Signal::kPidAvailable, 100);
  EXPECT_THAT(loop.state.conditions, ElementsAre(NodeCondition::kPidPressure));
  loop.Pass(seconds(1), Signal::kPidAvailable, 100);
  EXPECT_THAT(loop.state.conditions, IsEmpty());
}

TEST(Loop, AReadingIsActedOnOnce) {
  Loop loop(Settings({{"memory.available", "1Gi"}}));
  loop.input.pods = {Using("p", 10)};
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, 5).kind, Kind::kEvict);
  loop.input.now += seconds(1);  // the same reading as before
  const Decision stale = Step(loop.config, loop.state, loop.input).decision;
  EXPECT_EQ(stale.kind, Kind::kNothing);
  EXPECT_THAT(stale.why, HasSubstr("not read anew"));
  EXPECT_THAT(Step(loop.config, loop.state, loop.input).state.conditions,
              ElementsAre(NodeCondition::kMemoryPressure));
  loop.input.signals[Signal::kMemoryAvailable].time.reset();  // always fresh
  EXPECT_EQ(Step(loop.config, loop.state, loop.input).decision.kind, Kind::kEvict);
}

TEST(Loop, MemoryComesBeforeTheOtherSignals) {
  Loop loop(Settings({{"imagefs.available", "1Gi"}, {"memory.available", "1Gi"}}));
  loop.input.pods = {Using("p", 10)};
  loop.input.signals[Signal::kImageFsAvailable] = {0, 10 * kGi, {}};
  const Decision decision = loop.Pass(seconds(1), Signal::kMemoryAvailable, 5);
  EXPECT_EQ(decision.threshold->signal, Signal::kMemoryAvailable);
  EXPECT_THAT(loop.state.conditions,
              ElementsAre(NodeCondition::kMemoryPressure, NodeCondition::kDiskPressure));
}

TEST(Loop, CriticalPodsAreSkippedNotAStop) {
  Loop loop(Settings({{"memory.available", "1Gi"}}));
  ActivePod static_pod = Using("static", 900);
  static_pod.pod.annotations[std::string(kConfigSourceAnnotation)] = "file";
  ActivePod mirror = Using("mirror", 800);
  mirror.pod.annotations[std::string(kConfigMirrorAnnotation)] = "x";
  loop.input.pods = {static_pod, mirror, Using("critical", 700, 2'000'000'000),
                     Using("plain", 1, 1'999'999'999)};
  const Decision decision = loop.Pass(seconds(1), Signal::kMemoryAvailable, 5);
  EXPECT_EQ(Evicted(decision), "default/plain");
  EXPECT_EQ(decision.ranking.size(), 4u);
  loop.input.pods.pop_back();
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, 5).kind, Kind::kNoCandidate);
  loop.input.pods.clear();
  EXPECT_THAT(loop.Pass(seconds(1), Signal::kMemoryAvailable, 5).why,
              HasSubstr("no pod is active"));
}

TEST(Loop, DiskPressureReclaimsFirstAndEvictsOnlyIfThatIsNotEnough) {
  Loop loop(Settings({{"nodefs.available", "1Gi"}}, {}, {}, {{"nodefs.available", "1Gi"}}));
  loop.input.pods = {Using("p", 10)};
  const Decision asked = loop.Pass(seconds(1), Signal::kNodeFsAvailable, 5);
  EXPECT_EQ(asked.kind, Kind::kReclaim);
  EXPECT_THAT(asked.reclaim, ElementsAre(ReclaimAction::kDeleteUnusedContainers,
                                         ReclaimAction::kDeleteUnusedImages));
  EXPECT_THAT(asked.evictions, IsEmpty());
  const auto after = [&](int64_t available) {
    return AfterReclaim(loop.config, asked, loop.input,
                        SignalObservations{{Signal::kNodeFsAvailable, {available, 10 * kGi, {}}}});
  };
  EXPECT_EQ(after(2 * kGi).kind, Kind::kReclaimed);
  EXPECT_EQ(after(2 * kGi - 1).kind, Kind::kEvict);  // min-reclaim counts here
  EXPECT_EQ(AfterReclaim(loop.config, asked, loop.input, std::nullopt).kind, Kind::kEvict);
}

TEST(Loop, WithADedicatedImagefsNodefsHasNothingToReclaim) {
  Loop loop(Settings({{"nodefs.available", "1Gi"}}));
  loop.config.layout.dedicated_image_fs = true;
  loop.input.pods = {Using("p", 10)};
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kNodeFsAvailable, 5).kind, Kind::kEvict);
  const FsLayout split = {.dedicated_image_fs = true, .split_container_fs = true};
  EXPECT_THAT(ReclaimActionsFor(Signal::kImageFsAvailable, split),
              ElementsAre(ReclaimAction::kDeleteUnusedImages));
  EXPECT_THAT(ReclaimActionsFor(Signal::kContainerFsAvailable, split),
              ElementsAre(ReclaimAction::kDeleteUnusedContainers));
  EXPECT_THAT(ReclaimActionsFor(Signal::kPidAvailable, split), IsEmpty());
}

TEST(Loop, ContainerfsThresholdsStartWithTheSecondPass) {
  Loop loop(Settings({{"nodefs.available", "1Gi"}}));
  loop.input.pods = {Using("p", 10)};
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kContainerFsAvailable, 5).kind, Kind::kNothing);
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kContainerFsAvailable, 5).kind, Kind::kReclaim);
}

TEST(Loop, TheKubeletConfigurationSetsItUp) {
  KubeletConfiguration config;
  config.eviction_soft = {{"nodefs.available", "20%"}};
  EXPECT_FALSE(LoopConfigFor(config, {}));
  config.eviction_soft_grace_period = {{"nodefs.available", "2m"}};
  config.eviction_max_pod_grace_period_seconds = 45;
  const LoopConfig loop = LoopConfigFor(config, {.dedicated_image_fs = true}).value();
  EXPECT_EQ(loop.thresholds.size(), 7u);
  EXPECT_EQ(loop.max_pod_grace_seconds, 45);
  EXPECT_EQ(loop.pressure_transition_period, minutes(5));
  EXPECT_TRUE(loop.layout.dedicated_image_fs);
}

TEST(LocalStorage, EveryPodOverALimitIsEvictedAndNothingElse) {
  Loop loop(Settings({{"memory.available", "1Gi"}}));
  ActivePod empty_dir = MakePod("empty-dir");
  empty_dir.pod.volumes = {MakeVolume(VolumeKind::kEmptyDir, "Memory")};
  empty_dir.pod.volumes[0].size_limit = Quantity::FromBytes(100);
  empty_dir.stats->volumes = {{.name = "v", .used = {.bytes = 101}}};
  ActivePod at_limit = empty_dir;
  at_limit.pod.name = "at-limit";
  at_limit.stats->volumes[0].used.bytes = 100;
  ActivePod whole = MakePod("whole");
  whole.pod.containers[0].limits()["ephemeral-storage"] = Quantity::FromBytes(0);
  whole.stats->ephemeral_storage_bytes = 1;  // a limit of 0 is a limit for the pod
  ActivePod container = MakePod("container");
  container.pod.containers[0].limits()["ephemeral-storage"] = Quantity::FromBytes(10);
  container.stats->containers = {{.name = "c", .rootfs = {.bytes = 6}, .logs = {.bytes = 5}}};
  ActivePod critical = whole;
  critical.pod.priority = kSystemCriticalPriority;
  loop.input.pods = {empty_dir, at_limit, whole, container, critical};
  const Decision decision = loop.Pass(seconds(1), Signal::kMemoryAvailable, 5);
  EXPECT_EQ(decision.kind, Kind::kLocalStorage);
  std::vector<std::string> names;
  for (const PodEviction& eviction : decision.evictions) {
    names.push_back(eviction.name);
    EXPECT_EQ(eviction.grace_seconds, 1);
  }
  EXPECT_THAT(names, ElementsAre("default/empty-dir", "default/whole", "default/container"));
  // The writable layer on a dedicated imagefs does not count against the container.
  loop.config.layout.dedicated_image_fs = true;
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, 5).evictions.size(), 2u);
  loop.config.local_storage_capacity_isolation = false;
  EXPECT_EQ(loop.Pass(seconds(1), Signal::kMemoryAvailable, 5).kind, Kind::kEvict);
}

TEST(Admission, DependsOnConditionsQosAndToleration) {
  Pod best_effort = MakePod("p").pod;
  Pod burstable = best_effort;
  burstable.containers[0].requests()["cpu"] = Quantity::FromMilli(1);
  Pod critical = best_effort;
  critical.priority = kSystemCriticalPriority;
  const std::vector memory = {NodeCondition::kMemoryPressure};
  const std::vector both = {NodeCondition::kMemoryPressure, NodeCondition::kPidPressure};
  EXPECT_TRUE(Admit(best_effort, {}).admit);
  EXPECT_TRUE(Admit(critical, both).admit);
  EXPECT_TRUE(Admit(burstable, memory).admit);
  EXPECT_FALSE(Admit(burstable, both).admit);
  EXPECT_FALSE(Admit(burstable, {NodeCondition::kDiskPressure}).admit);
  const Admission refused = Admit(best_effort, memory);
  EXPECT_FALSE(refused.admit);
  EXPECT_EQ(refused.reason, "Evicted");
  EXPECT_THAT(refused.message, HasSubstr("MemoryPressure"));
}

TEST(Admission, ABestEffortPodMayTolerateTheMemoryPressureTaint) {
  const auto admits = [](const char* key, const char* op, const char* value, const char* effect) {
    Pod pod = MakePod("p").pod;
    Toleration toleration;
    toleration.key = key;
    toleration.op = op;
    toleration.value = value;
    toleration.effect = effect;
    pod.tolerations = {toleration};
    return Admit(pod, {NodeCondition::kMemoryPressure}).admit;
  };
  const char* const kKey = "node.kubernetes.io/memory-pressure";
  EXPECT_TRUE(admits(kKey, "Exists", "", "NoSchedule"));
  EXPECT_TRUE(admits("", "Exists", "", ""));
  EXPECT_TRUE(admits(kKey, "", "", ""));
  EXPECT_FALSE(admits(kKey, "Exists", "", "NoExecute"));
  EXPECT_FALSE(admits(kKey, "Equal", "true", ""));
  EXPECT_FALSE(admits("node.kubernetes.io/disk-pressure", "Exists", "", ""));
}

// A hundred runs of a node whose signals, pods and clock are random.
TEST(LoopProperty, NeverEvictsACriticalPodNorTwoByRanking) {
  constexpr uint32_t kSeed = 36'02;
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  const auto pick = [&](int64_t most) {
    return std::uniform_int_distribution<int64_t>(0, most)(random);
  };
  int evicted = 0;
  for (int run = 0; run < 100; ++run) {
    ThresholdSettings settings = Settings(
        {{"memory.available", "30%"}, {"nodefs.available", "30%"}, {"pid.available", "30%"}},
        {{"memory.available", "50%"}, {"imagefs.inodesFree", "50%"}},
        {{"memory.available", "15s"}, {"imagefs.inodesFree", "0s"}}, {{"memory.available", "10%"}});
    settings.enforce_node_allocatable = {"pods"};
    Loop loop(settings);
    loop.config.layout = {.dedicated_image_fs = pick(1) == 1, .split_container_fs = pick(1) == 1};
    for (int pass = 0; pass < 20; ++pass) {
      loop.input.now += seconds(pick(20));
      loop.input.pods.clear();
      for (int64_t i = pick(6); i > 0; --i) {
        ActivePod pod = Using(fmt::format("p{}", i), pick(5));
        if (pick(2) == 0) pod.pod.priority = kSystemCriticalPriority;
        if (pick(3) == 0) pod.stats.reset();
        loop.input.pods.push_back(std::move(pod));
      }
      for (const Signal signal : kAllSignals) {
        loop.input.signals[signal] = {pick(100), 100, loop.input.now - seconds(pick(30))};
        if (pick(5) == 0) loop.input.signals.erase(signal);
      }
      const StepResult result = Step(loop.config, loop.state, loop.input);
      EXPECT_EQ(Step(loop.config, loop.state, loop.input).state, result.state);
      Decision decision = result.decision;
      if (decision.kind == Kind::kReclaim) {
        decision = AfterReclaim(loop.config, decision, loop.input, std::nullopt);
      }
      loop.state = result.state;
      ASSERT_EQ(decision.evictions.size(), decision.kind == Kind::kEvict ? 1u : 0u)
          << "run " << run;
      for (const PodEviction& eviction : decision.evictions) {
        EXPECT_FALSE(IsCritical(loop.input.pods[eviction.pod].pod));
        ++evicted;
      }
      if (decision.threshold) {
        const auto& conditions = loop.state.conditions;
        EXPECT_NE(std::ranges::find(conditions, ConditionOf(decision.threshold->signal)),
                  conditions.end());
      }
    }
  }
  EXPECT_GT(evicted, 500);  // the runs reach what they are to check
}

}  // namespace
}  // namespace nodeproof::kubelet::eviction
