#include <gtest/gtest.h>

#include <random>

#include "harness/kubelet/api/aggregate.h"
#include "harness/kubelet/resources/container_resources.h"
#include "harness/kubelet/resources/cpu_conversion.h"
#include "harness/kubelet/resources/hugepages.h"
#include "harness/kubelet/resources/pod_resources.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

Quantity Q(std::string_view text) { return *Quantity::Parse(text); }

Container Asking(std::string name, ResourceList requests, ResourceList limits = {},
                 std::string restart_policy = "") {
  return {
      std::move(name), "", {std::move(requests), std::move(limits)}, std::move(restart_policy), {}};
}

TEST(CpuConversion, GivesTheKubeletsNumbers) {
  const std::pair<int64_t, int64_t> shares[] = {
      {0, 2}, {1, 2}, {2, 2}, {3, 3}, {250, 256}, {1000, 1024}, {256000, 262144}, {512000, 262144}};
  for (const auto& [milli, expected] : shares)
    EXPECT_EQ(MilliCpuToShares({milli}), expected) << milli;
  const std::pair<int64_t, int64_t> weights[] = {{2, 1},     {102, 4},    {1024, 39},
                                                 {2048, 79}, {3584, 137}, {262144, 10000}};
  for (const auto& [share, weight] : weights) EXPECT_EQ(SharesToWeightByKubelet(share), weight);
  const std::pair<int64_t, int64_t> back[] = {{1, 2}, {39, 998}, {10000, 262144}};
  for (const auto& [weight, share] : back) EXPECT_EQ(WeightToShares(weight), share);
  const std::pair<int64_t, int64_t> runtime[] = {
      {0, 0}, {1, 1}, {2, 1}, {3, 2}, {1024, 100}, {262143, 10000}, {262144, 10000}};
  for (const auto& [share, weight] : runtime) {
    EXPECT_EQ(SharesToWeightByRuntime(share, WeightFormula::kQuadratic), weight) << share;
  }
  EXPECT_EQ(SharesToWeightByRuntime(0, WeightFormula::kLinear), 0);
  EXPECT_EQ(SharesToWeightByRuntime(1024, WeightFormula::kLinear), 39);
  EXPECT_EQ(SharesToMilliCpu(1024).value, 1000);
  EXPECT_EQ(SharesToMilliCpu(1).value, 0);
  EXPECT_EQ(SharesToMilliCpu(3).value, 3);
}

TEST(CpuConversion, KeepsQuotasAtAMillisecond) {
  EXPECT_EQ(MilliCpuToQuota({0}, Microseconds(100'000)), 0);
  EXPECT_EQ(MilliCpuToQuota({200}, Microseconds(100'000)), 20'000);
  EXPECT_EQ(MilliCpuToQuota({5}, Microseconds(100'000)), 1000);
  EXPECT_EQ(MilliCpuToQuota({100}, Microseconds(5000)), 1000);
  EXPECT_EQ(QuotaToMilliCpu(20'000, Microseconds(100'000)).value, 200);
  EXPECT_EQ(QuotaToMilliCpu(kNoQuota, Microseconds(100'000)).value, 0);
  EXPECT_EQ(CpuMax(20'000, Microseconds(100'000)), "20000 100000");
  EXPECT_EQ(CpuMax(kNoQuota, Microseconds(100'000)), "max 100000");
}

TEST(CpuConversion, SystemdRoundsUpToOnePercent) {
  EXPECT_EQ(RoundQuotaForSystemd(20'000, Microseconds(100'000)), 20'000);
  EXPECT_EQ(RoundQuotaForSystemd(20'001, Microseconds(100'000)), 21'000);
  EXPECT_EQ(RoundQuotaForSystemd(1234, Microseconds(10'000)), 1300);
  EXPECT_EQ(RoundQuotaForSystemd(kNoQuota, Microseconds(100'000)), kNoQuota);
  EXPECT_EQ(RoundQuotaForSystemd(0, Microseconds(100'000)), 0);
}

// Whatever is asked for: shares and weights stay in the kernel's ranges, and more never gives less.
TEST(CpuConversion, IsMonotonic) {
  int64_t last_weight = 0;
  int64_t last_runtime = 0;
  for (int64_t milli = 0; milli < 300'000; milli += 7) {
    const int64_t shares = MilliCpuToShares({milli});
    const int64_t weight = SharesToWeightByKubelet(shares);
    const int64_t runtime = SharesToWeightByRuntime(shares, WeightFormula::kQuadratic);
    EXPECT_GE(weight, last_weight);
    EXPECT_GE(runtime, last_runtime);
    EXPECT_LE(WeightToShares(weight), shares) << "reading back never gives more than was written";
    last_weight = weight;
    last_runtime = runtime;
  }
  EXPECT_EQ(last_weight, 10000);
  EXPECT_EQ(last_runtime, 10000);
}

TEST(Aggregate, CountsSidecarsInTheSumAndInThePeak) {
  Pod pod;
  pod.containers = {Asking("a", {{"cpu", Q("1")}, {"memory", Q("1Gi")}}),
                    Asking("b", {{"cpu", Q("500m")}})};
  pod.init_containers = {Asking("early", {{"cpu", Q("3")}}),
                         Asking("proxy", {{"cpu", Q("1")}, {"memory", Q("100Mi")}}, {}, "Always"),
                         Asking("late", {{"cpu", Q("3")}, {"memory", Q("1200Mi")}})};
  const ResourceList requests = AggregateRequests(pod);
  EXPECT_EQ(Amount(requests, kCpu), Q("4"));          // late beside proxy, above 2.5 running
  EXPECT_EQ(Amount(requests, kMemory), Q("1300Mi"));  // late beside proxy, above 1124Mi
  pod.overhead = {{"cpu", Q("250m")}, {"memory", Q("10Mi")}};
  EXPECT_EQ(Amount(PodRequests(pod, {}), kCpu), Q("4250m"));
  // Overhead is added only to limits that there are.
  pod.containers[0].limits() = {{"cpu", Q("2")}};
  EXPECT_EQ(Amount(PodLimits(pod, {}), kCpu), Q("2250m"));
  EXPECT_FALSE(Find(PodLimits(pod, {}), kMemory));
}

TEST(Aggregate, PodLevelReplacesResourceByResource) {
  Pod pod;
  pod.containers = {Asking("a", {{"cpu", Q("1")}, {"memory", Q("1Gi")}})};
  pod.resources = ResourceRequirements{{{"cpu", Q("5")}}, {}};
  EXPECT_EQ(Amount(PodRequests(pod, {}), kCpu), Q("5"));
  EXPECT_EQ(Amount(PodRequests(pod, {}), kMemory), Q("1Gi"));
  FeatureGates off;
  ASSERT_TRUE(off.Set(kPodLevelResources, false));
  EXPECT_EQ(Amount(PodRequests(pod, off), kCpu), Q("1"));
}

TEST(QosClass, ComparesTotalsOverAllContainers) {
  Pod pod;
  // Two containers whose differences cancel out are Guaranteed.
  pod.containers = {
      Asking("a", {{"cpu", Q("1")}, {"memory", Q("1Gi")}}, {{"cpu", Q("2")}, {"memory", Q("1Gi")}}),
      Asking("b", {{"cpu", Q("2")}, {"memory", Q("1Gi")}},
             {{"cpu", Q("1")}, {"memory", Q("1Gi")}})};
  EXPECT_EQ(ComputeQosClass(pod, {}), QosClass::kGuaranteed);
  pod.init_containers = {Asking("i", {})};
  EXPECT_EQ(ComputeQosClass(pod, {}), QosClass::kBurstable);
  // Limits alone are Burstable: no request equals them.
  pod.init_containers.clear();
  for (Container& container : pod.containers) container.requests().clear();
  EXPECT_EQ(ComputeQosClass(pod, {}), QosClass::kBurstable);
  // resources: {} at the pod level outweighs the containers.
  pod.resources = ResourceRequirements{};
  EXPECT_EQ(ComputeQosClass(pod, {}), QosClass::kBestEffort);
  pod.resources->requests = {{"cpu", Q("1")}};
  EXPECT_EQ(ComputeQosClass(pod, {}), QosClass::kBurstable);
  pod.status_qos = QosClass::kGuaranteed;
  EXPECT_EQ(QosClassOf(pod, {}), QosClass::kGuaranteed);
}

TEST(OomScoreAdj, StaysBetweenTheOtherClasses) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    Pod pod;
    pod.containers = {Asking(
        "a",
        {{"memory", Quantity::FromBytes(static_cast<int64_t>(random() >> (1 + random() % 60)))},
         {"cpu", Q("1m")}})};
    const auto score = ContainerOomScoreAdj(pod, pod.containers[0], GiB(8), {});
    ASSERT_TRUE(score);
    EXPECT_GE(score->value, 3);
    EXPECT_LE(score->value, 999);
  }
  Pod pod;
  pod.containers = {Asking("a", {{"cpu", Q("1")}})};
  EXPECT_FALSE(ContainerOomScoreAdj(pod, pod.containers[0], Bytes{0}, {}));
  EXPECT_EQ(ContainerOomScoreAdj(pod, pod.containers[0], GiB(8), {})->value, 999);
}

TEST(ResourceConfigForPod, LooksAtDeclaredLimitsAsTheyAddUp) {
  Pod pod;
  pod.containers = {Asking("a", {{"cpu", Q("1")}}, {{"cpu", Q("1")}, {"memory", Q("1Gi")}})};
  pod.init_containers = {Asking("proxy", {}, {{"cpu", Q("1")}}, "Always"), Asking("late", {})};
  const ResourceConfig config = ResourceConfigForPod(pod, {}, {});
  // An init container without a cpu limit counts the sidecar before it; memory has none at all.
  EXPECT_EQ(config.cpu_quota_usec, 200'000);
  EXPECT_FALSE(config.memory_limit);
  std::swap(pod.init_containers[0], pod.init_containers[1]);
  EXPECT_FALSE(ResourceConfigForPod(pod, {}, {}).cpu_quota_usec);
  pod.resources = ResourceRequirements{{}, {{"cpu", Q("3")}, {"memory", Q("2Gi")}}};
  EXPECT_EQ(ResourceConfigForPod(pod, {}, {}).cpu_quota_usec, 300'000);
  EXPECT_EQ(ResourceConfigForPod(pod, {}, {}).memory_limit, GiB(2));
}

TEST(ResourceConfigForPod, SumsOnePageSizeSpelledTwoWays) {
  Pod pod;
  pod.containers = {Asking(
      "a",
      {{"hugepages-2Mi", Q("4Mi")}, {"hugepages-2048Ki", Q("2Mi")}, {"hugepages-1Gi", Q("1Gi")}})};
  const HugePageLimits limits = ResourceConfigForPod(pod, {}, {}).hugepage_limits;
  EXPECT_EQ(limits, (HugePageLimits{{2 << 20, 6 << 20}, {1 << 30, 1 << 30}}));
  EXPECT_EQ(HugetlbMaxFile(2 << 20), "hugetlb.2MB.max");
  EXPECT_EQ(HugetlbMaxFile(1 << 30), "hugetlb.1GB.max");
  EXPECT_EQ(HugetlbMaxFile(64 << 10), "hugetlb.64KB.max");
  EXPECT_FALSE(HugePageSize("hugepages-x"));
}

// The shares of the Burstable slice are those of the sum of its pods.
TEST(QosCgroups, SharesSum) {
  std::mt19937_64 random(5);
  std::vector<Pod> pods;
  int64_t milli = 0;
  for (int i = 0; i < 50; ++i) {
    const auto cpu = static_cast<int64_t>(1 + random() % 3000);
    Pod pod;
    pod.containers = {Asking("a", {{"cpu", Quantity::FromMilli(cpu)}})};
    if (i % 5 == 0) pod.phase = "Succeeded";
    if (i % 5 != 0) milli += cpu;
    pods.push_back(std::move(pod));
  }
  const QosSums sums = SumByQos(pods, {});
  EXPECT_EQ(sums.burstable_cpu_requests.value, milli);
  EXPECT_EQ(BurstableShares(sums), milli * 1024 / 1000);
}

TEST(QosReserved, SetsHigherClassesRequestsAside) {
  QosSums sums;
  sums.guaranteed_memory_requests = GiB(2);
  sums.burstable_memory_requests = GiB(1);
  const QosMemoryLimits limits = QosReservedLimits(GiB(8), sums, 50);
  EXPECT_EQ(limits.burstable, GiB(7));
  EXPECT_EQ(limits.besteffort, GiB(7) - MiB(512));
  EXPECT_EQ(QosLimitForUsage(GiB(7), GiB(9)), GiB(9));
  EXPECT_EQ(**ParseQosReservedMemory({{"memory", "50%"}}), 50);
  for (const StringMap& bad : {StringMap{{"memory", "50"}},
                               {{"memory", "101%"}},
                               {{"memory", "-1%"}},
                               {{"memory", "a%"}},
                               {{"cpu", "10%"}},
                               {{"memory", "%"}},
                               {{"memory", "1.5%"}}}) {
    EXPECT_FALSE(ParseQosReservedMemory(bad)) << bad.begin()->second;
  }
}

TEST(ContainerResources, TakeThePodLevelLimitWhereThereIsNone) {
  Pod pod;
  pod.resources = ResourceRequirements{{}, {{"cpu", Q("2")}, {"memory", Q("1Gi")}}};
  pod.containers = {Asking("a", {{"cpu", Q("0")}}), Asking("b", {}, {{"cpu", Q("1")}})};
  const ContainerResources a = ResourcesOfContainer(pod, pod.containers[0], {}, {});
  EXPECT_EQ(a.cpu_shares, 2);
  EXPECT_EQ(a.cpu_quota_usec, 200'000);
  EXPECT_EQ(a.memory_limit, GiB(1));
  const ContainerResources b = ResourcesOfContainer(pod, pod.containers[1], {}, {});
  EXPECT_EQ(b.cpu_shares, 1024);
  EXPECT_EQ(b.cpu_quota_usec, 100'000);
  ContainerResourceSettings settings;
  settings.cpu_cfs_quota = false;
  settings.single_process_oom_kill = true;
  const ContainerResources off = ResourcesOfContainer(pod, pod.containers[1], settings, {});
  EXPECT_EQ(off.cpu_quota_usec, 0);
  EXPECT_EQ(off.cpu_period.count(), 0);
  EXPECT_TRUE(off.unified.empty());
}

TEST(Swap, NeedsABurstablePodThatIsNotCritical) {
  const SwapSettings settings{SwapBehavior::kLimitedSwap, true, 2};
  const auto behavior = [&](QosClass qos, bool critical, const char* request, const char* limit) {
    return ContainerSwapBehavior(qos, critical, Q(request), Q(limit), settings);
  };
  EXPECT_EQ(behavior(QosClass::kBurstable, false, "1Gi", "2Gi"), SwapBehavior::kLimitedSwap);
  EXPECT_EQ(behavior(QosClass::kBurstable, false, "1Gi", "0"), SwapBehavior::kLimitedSwap);
  EXPECT_EQ(behavior(QosClass::kBurstable, true, "1Gi", "2Gi"), SwapBehavior::kNoSwap);
  EXPECT_EQ(behavior(QosClass::kBurstable, false, "0", "0"), SwapBehavior::kNoSwap);
  EXPECT_EQ(behavior(QosClass::kBurstable, false, "1Gi", "1Gi"), SwapBehavior::kNoSwap);
  EXPECT_EQ(behavior(QosClass::kGuaranteed, false, "1Gi", "2Gi"), SwapBehavior::kNoSwap);
  EXPECT_EQ(LimitedSwapMax(GiB(1), GiB(8), GiB(2)), MiB(256));
  EXPECT_EQ(LimitedSwapMax(GiB(1), Bytes{0}, GiB(2)), Bytes{0});
}

}  // namespace
}  // namespace nodeproof::kubelet
