#include "harness/kubelet/api/kubelet_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::kubelet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kHead =
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

Result<ParsedKubeletConfiguration> Parse(std::string_view fields, bool strict = false) {
  return ParseKubeletConfiguration(std::string(kHead) + std::string(fields), {.strict = strict});
}

TEST(KubeletConfiguration, HasTheDefaultsOf136) {
  const auto parsed = Parse("", true);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_EQ(parsed->config, KubeletConfiguration());
  EXPECT_THAT(parsed->config.enforce_node_allocatable, ElementsAre("pods"));
  EXPECT_EQ(parsed->config.eviction_hard.at("memory.available"), "100Mi");
  EXPECT_EQ(parsed->config.cpu_cfs_quota_period, Microseconds(100'000));
  EXPECT_FALSE(parsed->config.cgroup_driver);
}

TEST(KubeletConfiguration, ReadsEveryFieldOfThePolicy) {
  const auto parsed = Parse(R"(
address: 0.0.0.0
cgroupDriver: cgroupfs
cpuManagerPolicy: static
cpuManagerPolicyOptions: {full-pcpus-only: "true"}
topologyManagerPolicy: single-numa-node
topologyManagerScope: pod
topologyManagerPolicyOptions: {max-allowable-numa-nodes: "8"}
memoryManagerPolicy: Static
reservedMemory:
- numaNode: 0
  limits: {memory: 1100Mi}
reservedSystemCPUs: 0-1
systemReserved: {memory: 1Gi}
kubeReserved: {cpu: 500m, ephemeral-storage: 1Gi, pid: "1000"}
enforceNodeAllocatable: [pods]
evictionHard: {memory.available: 5%}
evictionSoft: {memory.available: 300Mi}
evictionSoftGracePeriod: {memory.available: 1m30s}
evictionMinimumReclaim: {memory.available: 10Mi}
evictionMaxPodGracePeriod: 60
evictionPressureTransitionPeriod: 30s
podPidsLimit: 4096
cpuCFSQuota: true
cpuCFSQuotaPeriod: 10ms
memoryThrottlingFactor: 0.8
memoryReservationPolicy: TieredReservation
singleProcessOOMKill: true
failSwapOn: false
memorySwap: {swapBehavior: LimitedSwap}
featureGates: {MemoryQoS: true}
)",
                            true);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  const KubeletConfiguration& config = parsed->config;
  EXPECT_EQ(config.cgroup_driver, CgroupDriver::kCgroupfs);
  EXPECT_EQ(config.cpu_manager_policy, "static");
  EXPECT_EQ(config.cpu_manager_policy_options.at("full-pcpus-only"), "true");
  EXPECT_EQ(config.topology_manager_policy, "single-numa-node");
  EXPECT_EQ(config.topology_manager_scope, "pod");
  EXPECT_EQ(config.memory_manager_policy, "Static");
  EXPECT_EQ(Amount(config.reserved_memory.at(0).limits, kMemory).ToString(), "1100Mi");
  EXPECT_EQ(config.reserved_system_cpus, (CpuSet{0, 1}));
  EXPECT_EQ(Amount(config.kube_reserved, kPid).Value(), 1000);
  EXPECT_EQ(config.eviction_hard, (StringMap{{"memory.available", "5%"}}));
  EXPECT_EQ(config.eviction_soft_grace_period.at("memory.available"), "1m30s");
  EXPECT_EQ(config.eviction_max_pod_grace_period_seconds, 60);
  EXPECT_EQ(config.eviction_pressure_transition_period, std::chrono::seconds(30));
  EXPECT_EQ(config.pod_pids_limit, 4096);
  EXPECT_EQ(config.cpu_cfs_quota_period, Microseconds(10'000));
  EXPECT_EQ(config.memory_throttling_factor, 0.8);
  EXPECT_EQ(config.memory_reservation_policy, MemoryReservationPolicy::kTieredReservation);
  EXPECT_EQ(config.single_process_oom_kill, true);
  EXPECT_EQ(config.swap_behavior, SwapBehavior::kLimitedSwap);
  EXPECT_TRUE(config.feature_gates.Enabled(kMemoryQoS));
}

TEST(KubeletConfiguration, HardThresholdsReplaceTheDefaultsUnlessMerged) {
  EXPECT_EQ(Parse("evictionHard: {pid.available: 10%}")->config.eviction_hard.size(), 1U);
  EXPECT_EQ(Parse("mergeDefaultEvictionSettings: true\nevictionHard: {pid.available: 10%}")
                ->config.eviction_hard.size(),
            6U);
  EXPECT_THAT(Parse("evictionHard: {}")->config.eviction_hard, IsEmpty());
  EXPECT_EQ(Parse("evictionHard:")->config.eviction_hard.size(), 5U);
}

TEST(KubeletConfiguration, WarnsOfWhatItDoesNotKnow) {
  const char* text = "cpuManagerPolcy: static\nfeatureGates: {GracefulNodeShutdown: true}\n";
  const auto parsed = Parse(text);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_THAT(
      parsed->warnings,
      ElementsAre("feature gate \"GracefulNodeShutdown\" (line 4) is not one that the model "
                  "knows, it is ignored",
                  "unknown field \"cpuManagerPolcy\" (line 3)"));
  EXPECT_FALSE(Parse(text, true));
}

TEST(KubeletConfiguration, RefusesWhatTheKubeletRefuses) {
  const std::pair<const char*, const char*> cases[] = {
      {"cpuManagerPolicy: dynamic", "cpuManagerPolicy 'dynamic' is not supported"},
      {"topologyManagerScope: node", "topologyManagerScope"},
      {"memoryManagerPolicy: static", "memoryManagerPolicy"},
      {"cgroupDriver: openrc", "cgroupDriver: 'openrc' is not supported"},
      {"cpuCFSQuotaPeriod: 2s", "must be from 1ms to 1s"},
      {"cpuCFSQuotaPeriod: fast", "'fast' is not a duration"},
      {"cpuCFSQuotaPeriod: 10ms\nfeatureGates: {CustomCPUCFSQuotaPeriod: false}",
       "needs the feature gate"},
      {"memoryThrottlingFactor: 1.5", "must be above 0 and at most 1"},
      {"memoryReservationPolicy: TieredReservation", "needs the feature gate MemoryQoS"},
      {"reservedSystemCPUs: 3-1", "reservedSystemCPUs"},
      {"reservedSystemCPUs: 0-1\nsystemReservedCgroup: /sys", "excludes systemReservedCgroup"},
      {"enforceNodeAllocatable: [system-reserved]", "systemReservedCgroup must be set"},
      {"enforceNodeAllocatable: [none, pods]", "'none' beside other keys"},
      {"enforceNodeAllocatable: [pods, pods]", "has 'pods' twice"},
      {"enforceNodeAllocatable: [all]", "'all' is not supported"},
      {"enforceNodeAllocatable: [kube-reserved, kube-reserved-compressible]\nkubeReservedCgroup: "
       "/k",
       "has both 'kube-reserved' and 'kube-reserved-compressible'"},
      {"cgroupsPerQOS: false", "cgroupsPerQOS must be true"},
      {"evictionSoft: {memory.available: 1Gi}", "has no evictionSoftGracePeriod"},
      {"evictionSoftGracePeriod: {memory.available: -1s}", "must not be negative"},
      {"systemReserved: {gpu: 1}", "cannot reserve 'gpu'"},
      {"systemReserved: {cpu: -1}", "must not be negative"},
      {"reservedMemory: [{limits: {memory: 1Gi}}]", "reservedMemory[0].numaNode: is missing"},
      {"reservedMemory: [{numaNode: 0, limits: {cpu: 1}}]", "cannot reserve 'cpu'"},
      {"featureGates: {MemoryQoS: maybe}", "must be true or false"},
      {"featureGates: {NodeSwap: false}", "cannot be set to false"},
      {"podPidsLimit: many", "podPidsLimit: must be a whole number (line 3)"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr(message)) << text;
  }
  EXPECT_THAT(ParseKubeletConfiguration("kind: Pod").error().message, HasSubstr("kind"));
  EXPECT_THAT(ParseKubeletConfiguration("").error().message, HasSubstr("one document, not 0"));
  EXPECT_THAT(
      ParseKubeletConfiguration("kind: KubeletConfiguration\napiVersion: v1").error().message,
      HasSubstr("apiVersion: must be kubelet.config.k8s.io/v1beta1"));
}

TEST(ParseDuration, ReadsGoDurations) {
  using std::chrono::milliseconds;
  EXPECT_EQ(*ParseDuration("100ms"), milliseconds(100));
  EXPECT_EQ(*ParseDuration("1m30s"), std::chrono::seconds(90));
  EXPECT_EQ(*ParseDuration("1.5h"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("-2s"), std::chrono::seconds(-2));
  EXPECT_EQ(*ParseDuration("0"), Nanoseconds(0));
  EXPECT_EQ(*ParseDuration("5us"), std::chrono::microseconds(5));
  EXPECT_EQ(*ParseDuration(".5s"), milliseconds(500));
  for (const char* text :
       {"", "5", "s", "1 s", "1S", "1d", "1s1", "1ss", "99999999h", "--1s", "1e3s", "infs"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

}  // namespace
}  // namespace nodeproof::kubelet
