#include "harness/kubelet/node_plan/node_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "harness/kubelet/api/parse_pods.h"

namespace nodeproof::kubelet {
namespace {

using testing::HasSubstr;

KubeletConfiguration StaticPolicy() {
  const auto parsed = ParseKubeletConfiguration(R"(
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cpuManagerPolicy: static
kubeReserved: {cpu: "1", memory: 1Gi}
)");
  EXPECT_TRUE(parsed) << parsed.error().ToString();
  return parsed ? parsed->config : KubeletConfiguration();
}

Pod GuaranteedPod(const std::string& name, int64_t milli, int containers) {
  Pod pod;
  pod.name = name;
  pod.uid = "uid-" + name;
  for (int i = 0; i < containers; ++i) {
    Container container;
    container.name = fmt::format("c{}", i);
    container.limits().emplace(kCpu, Quantity::FromMilli(milli));
    container.limits().emplace(kMemory, Quantity::FromBytes(1 << 20));
    pod.containers.push_back(std::move(container));
  }
  ApplyApiDefaults(pod);
  return pod;
}

// The container cgroup of the pod that the plan lists at `index`.
const PlannedCgroup* ContainerOf(const Plan& plan, size_t index,
                                 const PlannedCgroup* at = nullptr) {
  if (at == nullptr) at = &plan.root;
  if (at->role == CgroupRole::kContainer && at->pod_uid == plan.pods[index].uid) return at;
  for (const PlannedCgroup& child : at->children) {
    if (const PlannedCgroup* found = ContainerOf(plan, index, &child)) return found;
  }
  return nullptr;
}

// The four pods of the CPU Manager's documentation.
TEST(NodePlan, GivesTheExamplesOfTheStaticPolicy) {
  const Result<ParsedPods> pods = ParsePods(R"(
apiVersion: v1
kind: Pod
metadata: {name: besteffort}
spec: {containers: [{name: nginx, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: burstable}
spec: {containers: [{name: nginx, resources: {limits: {memory: 200Mi, cpu: "2"}, requests: {memory: 100Mi, cpu: "1"}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: exclusive}
spec: {containers: [{name: nginx, resources: {limits: {memory: 200Mi, cpu: "2"}, requests: {memory: 200Mi, cpu: "2"}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: fractional}
spec: {containers: [{name: nginx, resources: {limits: {memory: 200Mi, cpu: "1.5"}, requests: {memory: 200Mi, cpu: "1.5"}}}]}
)");
  ASSERT_TRUE(pods) << pods.error().ToString();
  const Result<Plan> plan = PlanNode(SimpleNode(8, 8LL << 30), StaticPolicy(), pods->pods);
  ASSERT_TRUE(plan) << plan.error().ToString();
  const std::pair<const char*, const char*> expected[] = {
      {"", "0,3-7"}, {"", "0,3-7"}, {"1-2", "1-2"}, {"", "0,3-7"}};
  for (size_t i = 0; i < std::size(expected); ++i) {
    const PlannedCgroup* container = ContainerOf(*plan, i);
    ASSERT_NE(container, nullptr) << i;
    EXPECT_EQ(container->container->exclusive_cpus, expected[i].first) << i;
    ASSERT_NE(container->Knob("cpuset.cpus"), nullptr) << i;
    EXPECT_EQ(container->Knob("cpuset.cpus")->value, expected[i].second) << i;
  }
  EXPECT_EQ(ContainerOf(*plan, 2)->Knob("cpu.max")->value, "max 100000");
  EXPECT_EQ(ContainerOf(*plan, 3)->Knob("cpu.max")->value, "150000 100000");
  EXPECT_THAT(RenderPlan(*plan), HasSubstr("cpuset.cpus 1-2 = exclusive CPUs"));
}

TEST(NodePlan, GivesBackWhatDoesNotFit) {
  KubeletConfiguration config = StaticPolicy();
  config.max_pods = 2;
  // The second needs more memory than there is; the third gets its CPUs.
  Pod large = GuaranteedPod("large", 4000, 1);
  large.containers[0].requests().insert_or_assign(std::string(kMemory),
                                                  Quantity::FromBytes(64LL << 30));
  large.containers[0].limits().insert_or_assign(std::string(kMemory),
                                                Quantity::FromBytes(64LL << 30));
  const std::vector<Pod> pods = {GuaranteedPod("a", 2000, 1), large, GuaranteedPod("b", 4000, 1),
                                 GuaranteedPod("c", 1000, 1)};
  const Result<Plan> plan = PlanNode(SimpleNode(8, 8LL << 30), config, pods);
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->pods[1].reason, "OutOfmemory");
  EXPECT_TRUE(plan->pods[2].admitted);
  EXPECT_EQ(ContainerOf(*plan, 2)->container->exclusive_cpus, "3-6");
  EXPECT_EQ(plan->pods[3].reason, "OutOfpods");
}

TEST(NodePlan, RefusesAsTheTopologyManagerDoes) {
  KubeletConfiguration config = StaticPolicy();
  config.topology_manager_policy = "single-numa-node";
  const Result<NodeSpec> node =
      ParseNodeSpec("memory: 8Gi\ntopology: {sockets: 2, coresPerNumaNode: 4}");
  ASSERT_TRUE(node) << node.error().ToString();
  const Result<Plan> plan =
      PlanNode(*node, config, {GuaranteedPod("wide", 5000, 1), GuaranteedPod("fits", 4000, 1)});
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->pods[0].reason, "TopologyAffinityError");
  EXPECT_EQ(plan->pods[0].path, "");
  EXPECT_EQ(ContainerOf(*plan, 1)->container->exclusive_cpus, "4-7");
}

TEST(NodePlan, RefusesAStaticPolicyWithoutReservedCpus) {
  KubeletConfiguration config;
  config.cpu_manager_policy = "static";
  EXPECT_FALSE(PlanNode(SimpleNode(8, 8LL << 30), config, {}));
}

TEST(NodePlan, PlansALargeNodeWithinASecond) {
  const Result<NodeSpec> node = ParseNodeSpec(
      "memory: 1Ti\ntopology: {sockets: 2, numaNodesPerSocket: 4, coresPerNumaNode: 16, "
      "threadsPerCore: 2}");
  ASSERT_TRUE(node) << node.error().ToString();
  ASSERT_EQ(node->cpus.size(), 256U);
  KubeletConfiguration config = StaticPolicy();
  config.max_pods = 500;
  config.topology_manager_policy = "best-effort";
  std::vector<Pod> pods;
  for (int i = 0; i < 500; ++i) {
    // Every tenth pod takes exclusive CPUs, 240 in all.
    pods.push_back(GuaranteedPod(fmt::format("p{}", i), i % 10 == 0 && i < 400 ? 2000 : 5, 3));
  }
  const auto begin = std::chrono::steady_clock::now();
  const Result<Plan> plan = PlanNode(*node, config, pods);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(plan) << plan.error().ToString();
  RecordProperty("seconds", std::to_string(took.count()));
  EXPECT_LT(took.count(), 5) << "one second on an idle machine; sanitizers and neighbours slow it";
  CpuSet taken;
  size_t exclusive = 0;
  const auto walk = [&](const auto& self, const PlannedCgroup& cgroup) -> void {
    if (cgroup.container && !cgroup.container->exclusive_cpus.empty()) {
      const CpuSet cpus = *CpuSet::Parse(cgroup.container->exclusive_cpus);
      EXPECT_FALSE(cpus.Intersects(taken)) << cpus.ToString();
      taken = taken | cpus;
      ++exclusive;
    }
    for (const PlannedCgroup& child : cgroup.children) self(self, child);
  };
  walk(walk, plan->root);
  EXPECT_EQ(exclusive, 120U);
  EXPECT_EQ(taken.size(), 240U);
}

}  // namespace
}  // namespace nodeproof::kubelet
