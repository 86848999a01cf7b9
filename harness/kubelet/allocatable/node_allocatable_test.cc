#include "harness/kubelet/allocatable/node_allocatable.h"

#include <gtest/gtest.h>

namespace nodeproof::kubelet {
namespace {

Quantity Q(std::string_view text) { return *Quantity::Parse(text); }

TEST(NodeAllocatable, KeepsPercentagesInFloat32) {
  NodeReservations node;
  node.capacity = {{"memory", Q("10Gi")}};
  KubeletConfiguration config;
  config.eviction_hard = {{"memory.available", "5%"}};
  node.hard_eviction = ReservationsOf(SimpleNode(1, 1LL << 30), config)->hard_eviction;
  EXPECT_EQ(Amount(SchedulingReservation(node), kMemory).Value(), 536870920);
  EXPECT_EQ(Amount(EnforcedOnPods(node), kMemory), Q("10Gi"));
}

TEST(NodeAllocatable, GivesTheWorkedExample) {
  KubeletConfiguration config;
  config.kube_reserved = {{"memory", Q("500Mi")}};
  config.eviction_hard = {{"memory.available", "100Mi"}};
  const auto node = ReservationsOf(SimpleNode(2, 6069552LL << 10), config);
  ASSERT_TRUE(node);
  EXPECT_EQ(Amount(Allocatable(*node), kMemory), Q("5455152Ki"));
}

TEST(NodeAllocatable, ReservedCpusReplaceReservedCpu) {
  KubeletConfiguration config;
  config.kube_reserved = {{"cpu", Q("500m")}, {"memory", Q("1Gi")}};
  config.system_reserved = {{"cpu", Q("100m")}};
  config.reserved_system_cpus = {0, 1, 2};
  const auto node = ReservationsOf(SimpleNode(8, 8LL << 30), config);
  ASSERT_TRUE(node);
  EXPECT_EQ(Amount(Allocatable(*node), kCpu), Q("5"));
}

TEST(NodeAllocatable, IgnoresNothingAndEverythingAsThresholds) {
  KubeletConfiguration config;
  config.eviction_hard = {{"memory.available", "0%"}, {"nodefs.available", "100%"}};
  const NodeSpec spec = SimpleNode(2, 8LL << 30);
  EXPECT_TRUE(ReservationsOf(spec, config)->hard_eviction.empty());
  for (const char* bad : {"-5%", "101%", "x%", "%", "0", "-1Gi", "many"}) {
    config.eviction_hard = {{"memory.available", bad}};
    EXPECT_FALSE(ReservationsOf(spec, config)) << bad;
  }
}

TEST(NodeAllocatable, NamesEveryResourceReservedTwiceOver) {
  NodeReservations node;
  node.capacity = {{"cpu", Q("1")}, {"memory", Q("1Gi")}};
  node.kube_reserved = {{"cpu", Q("2")}, {"memory", Q("2Gi")}};
  const Status valid = ValidateReservations(node);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().message,
            "more is reserved than the node has: 2 of cpu reserved, 1 there, 2Gi of memory "
            "reserved, 1Gi there");
  EXPECT_TRUE(Amount(EnforcedOnPods(node), kCpu).IsZero());
  EXPECT_TRUE(Amount(Allocatable(node), kMemory).IsZero());
}

TEST(NodeAllocatable, MemoryQosProtectsWhatIsFullyEnforced) {
  KubeletConfiguration config;
  config.system_reserved = {{"cpu", Q("1")}, {"memory", Q("1Gi")}};
  config.kube_reserved = {{"cpu", Q("1")}, {"memory", Q("1Gi")}};
  config.system_reserved_cgroup = "/system.slice";
  config.kube_reserved_cgroup = "/kube.slice";
  config.enforce_node_allocatable = {"system-reserved", "kube-reserved-compressible"};
  ASSERT_TRUE(config.feature_gates.Set(kMemoryQoS, true));
  const NodeEnforcement enforcement =
      Enforcement(*ReservationsOf(SimpleNode(8, 8LL << 30), config), config);
  EXPECT_TRUE(enforcement.kubepods_from_capacity);
  EXPECT_EQ(enforcement.kubepods.memory_limit, GiB(8));
  ASSERT_TRUE(enforcement.system_reserved && enforcement.kube_reserved);
  EXPECT_EQ(enforcement.system_reserved->memory_min, GiB(1));
  EXPECT_EQ(enforcement.system_reserved->memory_limit, GiB(1));
  EXPECT_EQ(enforcement.kube_reserved->cpu_shares, 1024);
  EXPECT_FALSE(enforcement.kube_reserved->memory_limit);
  EXPECT_FALSE(enforcement.kube_reserved->memory_min);
}

}  // namespace
}  // namespace nodeproof::kubelet
