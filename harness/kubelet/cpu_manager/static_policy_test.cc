#include "harness/kubelet/cpu_manager/static_policy.h"

#include <gtest/gtest.h>

#include "harness/kubelet/cpu_manager/guaranteed_cpus.h"
#include "harness/kubelet/cpu_manager/uniform_machine.h"

namespace nodeproof::cpu_manager {
namespace {

// 2 sockets with one NUMA node of 4 cores each: cpu0-7 and their siblings cpu8-15.
const MachineShape kTwoSockets{.sockets = 2};

StaticPolicy PolicyWith(StaticPolicyOptions options, int reserved = 2,
                        const MachineShape& shape = kTwoSockets) {
  StaticPolicyConfig config;
  config.options = options;
  config.num_reserved_cpus = reserved;
  Result<StaticPolicy> policy = StaticPolicy::Create(UniformTopology(shape), config);
  EXPECT_TRUE(policy) << policy.error().ToString();
  return *policy;
}

CpuState Started(const StaticPolicy& policy) {
  CpuState state;
  EXPECT_TRUE(policy.Start(state));
  return state;
}

const TopologyHint kAnyNode{};

TEST(StaticPolicy, SharedPoolKeepsTheReservedCpus) {
  const StaticPolicy policy = PolicyWith({});
  const CpuState state = Started(policy);
  EXPECT_EQ(policy.reserved().ToString(), "0,8");
  EXPECT_EQ(state.default_cpus.ToString(), "0-15");
  EXPECT_EQ(policy.Allocatable().ToString(), "1-7,9-15");
}

TEST(StaticPolicy, StrictReservationTakesThemOut) {
  const StaticPolicy policy = PolicyWith({.strict_cpu_reservation = true});
  CpuState state = Started(policy);
  EXPECT_EQ(state.default_cpus.ToString(), "1-7,9-15");
  EXPECT_TRUE(policy.Start(state)) << "a state that it made itself is good";
  state.default_cpus.Insert(0);
  EXPECT_FALSE(policy.Start(state));
}

TEST(StaticPolicy, StartRefusesAStateThatLostCpus) {
  const StaticPolicy policy = PolicyWith({});
  CpuState state = Started(policy);
  state.default_cpus.Erase(5);
  EXPECT_FALSE(policy.Start(state));
  state.assignments["pod"]["c"] = CpuSet{5};
  EXPECT_TRUE(policy.Start(state));
  state.default_cpus.Insert(5);
  EXPECT_FALSE(policy.Start(state)) << "in both sets";
  state.default_cpus = CpuSet();
  EXPECT_FALSE(policy.Start(state)) << "an empty pool with assignments";
}

TEST(StaticPolicy, AllocatesOnceAndReturnsAll) {
  const StaticPolicy policy = PolicyWith({});
  CpuState state = Started(policy);
  const ContainerCpus container{"c", ContainerKind::kRegular, 4};
  ASSERT_TRUE(policy.Allocate(state, "pod", container, kAnyNode));
  const CpuSet given = *state.Find("pod", "c");
  EXPECT_EQ(given.size(), 4u);
  EXPECT_FALSE(state.default_cpus.Intersects(given));
  ASSERT_TRUE(policy.Allocate(state, "pod", container, kAnyNode));
  EXPECT_EQ(*state.Find("pod", "c"), given);
  policy.Remove(state, "pod", "c");
  EXPECT_EQ(state.default_cpus, policy.topology().AllCpus());
  EXPECT_TRUE(state.assignments.empty());
}

TEST(StaticPolicy, InitContainersCpusAreUsedAgainButNotSidecars) {
  const StaticPolicy policy = PolicyWith({});
  CpuState state = Started(policy);
  ASSERT_TRUE(policy.Allocate(state, "pod", {"init", ContainerKind::kInit, 6}, kAnyNode));
  ASSERT_TRUE(policy.Allocate(state, "pod", {"sidecar", ContainerKind::kSidecar, 2}, kAnyNode));
  ASSERT_TRUE(policy.Allocate(state, "pod", {"app", ContainerKind::kRegular, 4}, kAnyNode));
  const CpuSet init = *state.Find("pod", "init");
  EXPECT_TRUE(init.Contains(*state.Find("pod", "sidecar") | *state.Find("pod", "app")));
  EXPECT_FALSE(state.Find("pod", "sidecar")->Intersects(*state.Find("pod", "app")));
  EXPECT_EQ(state.default_cpus, policy.topology().AllCpus() - init);
  policy.Remove(state, "pod", "init");
  EXPECT_EQ(state.default_cpus, policy.topology().AllCpus() - init) << "the app holds them still";
}

TEST(StaticPolicy, FullPcpusOnlyRefusesPartsOfCores) {
  const StaticPolicy policy = PolicyWith({.full_pcpus_only = true}, 1);
  CpuState state = Started(policy);
  const CpuState before = state;
  const auto odd = policy.Allocate(state, "pod", {"c", ContainerKind::kRegular, 3}, kAnyNode);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().TypeName(), "SMTAlignmentError");
  // cpu0 is reserved, so its sibling is no part of a whole core: 14 CPUs are, not 15.
  const auto many = policy.Allocate(state, "pod", {"c", ContainerKind::kRegular, 16}, kAnyNode);
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().TypeName(), "SMTAlignmentError");
  EXPECT_NE(many.error().message.find("available physical CPUs = 14"), std::string::npos);
  EXPECT_EQ(state, before);
}

TEST(StaticPolicy, HintsCountCapacityForPreferenceAndAvailabilityForPossibility) {
  const StaticPolicy policy = PolicyWith({});
  CpuState state = Started(policy);
  ASSERT_TRUE(policy.Allocate(state, "other", {"c", ContainerKind::kRegular, 6}, kAnyNode));
  const auto hints = policy.Hints(state, "pod", {"c", ContainerKind::kRegular, 8});
  const auto& list = *hints.at("cpu");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].affinity->ToString(), "1");
  EXPECT_TRUE(list[0].preferred);
  EXPECT_EQ(list[1].affinity->ToString(), "0-1");
  EXPECT_FALSE(list[1].preferred);
  EXPECT_TRUE(policy.Hints(state, "pod", {"c", ContainerKind::kRegular, 0}).empty());
  EXPECT_TRUE(policy.Hints(state, "pod", {"c", ContainerKind::kRegular, 9}).at("cpu")->empty());
}

TEST(StaticPolicy, AlignBySocketFillsTheSocketFirst) {
  const MachineShape four_nodes{.sockets = 2, .numa_per_socket = 2, .cores_per_numa = 2};
  const StaticPolicy policy = PolicyWith({.align_by_socket = true}, 0, four_nodes);
  CpuState state = Started(policy);
  const int node_1[] = {1};
  const auto cpus = policy.AllocateCpus(state, 8, NumaMask::Of(node_1).value(), CpuSet());
  ASSERT_TRUE(cpus);
  EXPECT_EQ(cpus->ToString(), "0-3,8-11") << "NUMA nodes 0 and 1 are socket 0";
}

TEST(StaticPolicy, RefusesReservationsThatCannotBe) {
  StaticPolicyConfig config;
  config.num_reserved_cpus = 17;
  EXPECT_FALSE(StaticPolicy::Create(UniformTopology(kTwoSockets), config));
  config.num_reserved_cpus = 1;
  config.reserved_cpus = CpuSet{99};
  EXPECT_FALSE(StaticPolicy::Create(UniformTopology(kTwoSockets), config));
  config.reserved_cpus = CpuSet{0, 1};
  EXPECT_FALSE(StaticPolicy::Create(UniformTopology(kTwoSockets), config));
}

TEST(PolicyOptions, ValuesAndConflicts) {
  const auto parse = [](StringOptions options) {
    return ParseStaticPolicyOptions(options, {.alpha = true}).has_value();
  };
  EXPECT_TRUE(parse({{"full-pcpus-only", "T"}}));
  EXPECT_FALSE(parse({{"full-pcpus-only", "yes"}}));
  EXPECT_FALSE(parse({{"full-pcpus-only", ""}}));
  EXPECT_FALSE(parse({{"full-pcpus", "true"}}));
  EXPECT_FALSE(parse({{"full-pcpus-only", "1"}, {"distribute-cpus-across-cores", "1"}}));
  EXPECT_TRUE(parse({{"full-pcpus-only", "0"}, {"distribute-cpus-across-cores", "1"}}));
  EXPECT_FALSE(
      parse({{"distribute-cpus-across-numa", "1"}, {"prefer-align-cpus-by-uncorecache", "true"}}));
  EXPECT_TRUE(parse({{"distribute-cpus-across-numa", "1"}, {"full-pcpus-only", "true"}}));
  EXPECT_FALSE(ParseStaticPolicyOptions({{"align-by-socket", "true"}}, {}));
}

TEST(GuaranteedCpus, WholeCpusOfGuaranteedPodsOnly) {
  using kubelet::QosClass;
  kubelet::Pod pod;
  kubelet::Container container;
  const auto cpus = [&](const char* request, QosClass qos) {
    container.requests()["cpu"] = *kubelet::Quantity::Parse(request);
    return GuaranteedCpus(pod, container, qos, {});
  };
  EXPECT_EQ(cpus("2", QosClass::kGuaranteed), 2);
  EXPECT_EQ(cpus("2000m", QosClass::kGuaranteed), 2);
  EXPECT_EQ(cpus("1.5", QosClass::kGuaranteed), 0);
  EXPECT_EQ(cpus("2", QosClass::kBurstable), 0);
  EXPECT_EQ(cpus("0", QosClass::kGuaranteed), 0);
}

}  // namespace
}  // namespace nodeproof::cpu_manager
