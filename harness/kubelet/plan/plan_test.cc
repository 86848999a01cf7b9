#include "harness/kubelet/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <set>

#include "harness/kubelet/api/parse_pods.h"

namespace nodeproof::kubelet {
namespace {

using testing::HasSubstr;

std::vector<Pod> PodsOf(std::string_view yaml) {
  const Result<ParsedPods> parsed = ParsePods(yaml);
  EXPECT_TRUE(parsed) << parsed.error().ToString();
  return parsed ? parsed->pods : std::vector<Pod>();
}

Plan PlanOf(const NodeSpec& node, const KubeletConfiguration& config, std::string_view yaml,
            const PlanOptions& options = {}) {
  const Result<Plan> plan = MakePlan(node, config, PodsOf(yaml), options);
  EXPECT_TRUE(plan) << plan.error().ToString();
  return plan ? *plan : Plan();
}

const PlannedCgroup* FindPath(const PlannedCgroup& cgroup, std::string_view path) {
  if (cgroup.path == path) return &cgroup;
  for (const PlannedCgroup& child : cgroup.children) {
    if (const PlannedCgroup* found = FindPath(child, path)) return found;
  }
  return nullptr;
}

// The value of a knob, or "absent".
std::string Value(const Plan& plan, std::string_view path, std::string_view file) {
  const PlannedCgroup* cgroup = FindPath(plan.root, path);
  if (cgroup == nullptr) return "no cgroup";
  const PlannedKnob* knob = cgroup->Knob(file);
  return knob == nullptr ? "absent" : knob->value;
}

std::string ValueOfPod(const Plan& plan, std::string_view pod, std::string_view file) {
  for (const PlannedPod& each : plan.pods) {
    if (each.name == pod) return Value(plan, each.path, file);
  }
  return "no pod";
}

constexpr std::string_view kFourPods = R"(
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  containers:
  - {name: c, resources: {requests: {cpu: 2}}}
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  containers:
  - {name: c, resources: {requests: {cpu: 1}}}
---
apiVersion: v1
kind: Pod
metadata: {name: none}
spec:
  containers:
  - name: c
---
apiVersion: v1
kind: Pod
metadata: {name: guaranteed, uid: 12-ab}
spec:
  containers:
  - name: c
    resources:
      limits: {cpu: "2", memory: 100Mi}
)";

KubeletConfiguration Reserving(std::string_view cpu) {
  KubeletConfiguration config;
  config.system_reserved.emplace(kCpu, *Quantity::Parse(cpu));
  return config;
}

TEST(Plan, GivesTheWorkedExamples) {
  const Plan plan = PlanOf(SimpleNode(6, 8LL << 30), Reserving("2500m"), kFourPods);
  EXPECT_EQ(Value(plan, "/kubepods.slice", "cpu.weight"), "137");
  EXPECT_EQ(Value(plan, "/kubepods.slice", "cpu.max"), "absent");
  EXPECT_EQ(Value(plan, "/system.slice", "cpu.weight"), "100");
  // 5 CPUs are asked for and 3500m are there: the last one does not fit.
  EXPECT_FALSE(plan.pods[3].admitted);
  EXPECT_EQ(plan.pods[3].reason, "OutOfcpu");
  EXPECT_EQ(plan.pods[3].message,
            "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 3500");
}

TEST(Plan, WeighsPodsByRequest) {
  const Plan plan = PlanOf(SimpleNode(8, 8LL << 30), {}, kFourPods);
  EXPECT_EQ(ValueOfPod(plan, "default/two", "cpu.weight"), "79");
  EXPECT_EQ(ValueOfPod(plan, "default/one", "cpu.weight"), "39");
  EXPECT_EQ(ValueOfPod(plan, "default/none", "cpu.weight"), "1");
  EXPECT_EQ(ValueOfPod(plan, "default/two", "cpu.max"), "absent");
  EXPECT_EQ(ValueOfPod(plan, "default/guaranteed", "cpu.max"), "200000 100000");
  EXPECT_EQ(ValueOfPod(plan, "default/guaranteed", "memory.max"), "104857600");
  EXPECT_EQ(plan.pods[3].path, "/kubepods.slice/kubepods-pod12_ab.slice");
  EXPECT_EQ(plan.pods[3].qos, QosClass::kGuaranteed);
  EXPECT_EQ(Value(plan, "/kubepods.slice/kubepods-burstable.slice", "cpu.weight"), "118");
  EXPECT_EQ(Value(plan, "/kubepods.slice/kubepods-besteffort.slice", "cpu.weight"), "1");

  const PlannedCgroup* pod = FindPath(plan.root, plan.pods[3].path);
  ASSERT_NE(pod, nullptr);
  ASSERT_EQ(pod->children.size(), 1U);
  const PlannedCgroup& container = pod->children[0];
  EXPECT_EQ(container.Knob("cpu.weight")->value, "174");  // quadratic, 2048 shares
  EXPECT_EQ(container.Knob("cpu.max")->value, "200000 100000");
  EXPECT_EQ(container.Knob("memory.max")->value, "104857600");
  EXPECT_EQ(container.Knob("memory.oom.group")->value, "1");
  EXPECT_EQ(container.Knob("memory.swap.max")->value, "0");
  EXPECT_EQ(container.container->oom_score_adj, -997);
  EXPECT_TRUE(container.name.starts_with("cri-containerd-"));
  EXPECT_EQ(container.name.size(), std::string("cri-containerd-.scope").size() + 64);

  const std::string text = RenderPlan(plan);
  EXPECT_THAT(text, HasSubstr("cpu.weight 79 = 1 + (2048 - 2) x 9999 / 262142"));
  EXPECT_THAT(text, HasSubstr("cpu.max 200000 100000 = 2000m x 100000 us / 1000"));
  EXPECT_THAT(text, HasSubstr("pod default/guaranteed  Guaranteed"));
}

TEST(Plan, TakesReservationAndThresholdOffAllocatable) {
  NodeSpec node = SimpleNode(4, 6069552LL << 10);
  KubeletConfiguration config;
  config.kube_reserved.emplace(kMemory, *Quantity::Parse("500Mi"));
  config.eviction_hard = {{"memory.available", "100Mi"}};
  const Plan plan = PlanOf(node, config, "");
  EXPECT_EQ(Amount(plan.allocatable, kMemory).ToString(), "5455152Ki");
  // The threshold is not taken off the limit.
  EXPECT_EQ(Value(plan, "/kubepods.slice", "memory.max"), std::to_string(5557552LL << 10));
}

TEST(Plan, NamesForBothDrivers) {
  PlanOptions options;
  options.driver = CgroupDriver::kCgroupfs;
  KubeletConfiguration config;
  config.cgroup_root = "/outer/node";
  const Plan fs = PlanOf(SimpleNode(8, 8LL << 30), config, kFourPods, options);
  EXPECT_EQ(fs.pods[3].path, "/outer/node/kubepods/pod12-ab");
  EXPECT_NE(FindPath(fs.root, "/outer/node/kubepods/burstable"), nullptr);
  options.driver = CgroupDriver::kSystemd;
  const Plan systemd = PlanOf(SimpleNode(8, 8LL << 30), config, kFourPods, options);
  EXPECT_EQ(
      systemd.pods[3].path,
      "/outer.slice/outer-node.slice/outer-node-kubepods.slice/outer-node-kubepods-pod12_ab.slice");
}

TEST(Plan, EnforcesWhatTheConfigurationSays) {
  NodeSpec node = SimpleNode(4, 8LL << 30);
  node.pid_max = 32768;
  node.hugepages = {{2 << 20, 10}};
  KubeletConfiguration config = Reserving("500m");
  config.system_reserved.emplace(kMemory, *Quantity::Parse("1Gi"));
  config.system_reserved.emplace(kPid, *Quantity::Parse("768"));
  config.kube_reserved.emplace(kCpu, *Quantity::Parse("1"));
  config.kube_reserved.emplace(kMemory, *Quantity::Parse("1Gi"));
  config.system_reserved_cgroup = "/system.slice";
  config.kube_reserved_cgroup = "/kubelet.slice";
  config.enforce_node_allocatable = {"pods", "system-reserved", "kube-reserved-compressible"};
  config.pod_pids_limit = 100;
  ASSERT_TRUE(ValidateKubeletConfiguration(config));
  const Plan plan = PlanOf(node, config, kFourPods);
  EXPECT_EQ(Value(plan, "/kubepods.slice", "pids.max"), "32000");
  EXPECT_EQ(Value(plan, "/kubepods.slice", "cpuset.cpus"), "0-3");
  EXPECT_EQ(Value(plan, "/kubepods.slice", "hugetlb.2MB.max"), "20971520");
  EXPECT_EQ(Value(plan, "/system.slice", "memory.max"), "1073741824");
  EXPECT_EQ(Value(plan, "/system.slice", "cpu.weight"), "20");
  EXPECT_EQ(Value(plan, "/kubelet.slice", "cpu.weight"), "39");
  EXPECT_EQ(Value(plan, "/kubelet.slice", "memory.max"), "absent");
  EXPECT_EQ(ValueOfPod(plan, "default/two", "pids.max"), "100");
  EXPECT_EQ(ValueOfPod(plan, "default/two", "hugetlb.2MB.max"), "0");

  config.enforce_node_allocatable = {"none"};
  const Plan none = PlanOf(node, config, "");
  EXPECT_EQ(Value(none, "/kubepods.slice", "memory.max"), "8589934592");
  EXPECT_EQ(Value(none, "/kubepods.slice", "cpu.weight"), "157");
}

TEST(Plan, ExclusiveCpusHaveNoQuota) {
  PlanOptions options;
  options.admissions["12-ab"].containers["c"] = {"2-3", "0", true};
  KubeletConfiguration config;
  config.cpu_manager_policy = "static";
  const Plan plan = PlanOf(SimpleNode(8, 8LL << 30), config, kFourPods, options);
  EXPECT_EQ(ValueOfPod(plan, "default/guaranteed", "cpu.max"), "max 100000");
  EXPECT_EQ(Value(plan, "/kubepods.slice", "cpuset.cpus"), "absent");
  const PlannedCgroup& container = FindPath(plan.root, plan.pods[3].path)->children[0];
  EXPECT_EQ(container.Knob("cpuset.cpus")->value, "2-3");
  EXPECT_EQ(container.Knob("cpuset.mems")->value, "0");
  EXPECT_EQ(container.Knob("cpu.max")->value, "max 100000");
  EXPECT_EQ(container.container->exclusive_cpus, "2-3");
}

TEST(Plan, ShowsWhyAPodIsRefused) {
  PlanOptions options;
  options.admissions["12-ab"] = {
      false, "TopologyAffinityError", "Resources cannot be allocated with Topology locality", {}};
  const Plan plan = PlanOf(SimpleNode(8, 8LL << 30), {}, kFourPods, options);
  EXPECT_FALSE(plan.pods[3].admitted);
  EXPECT_EQ(plan.pods[3].path, "");
  EXPECT_THAT(RenderPlan(plan), HasSubstr("refused: TopologyAffinityError: Resources cannot"));
  EXPECT_EQ(PlanToJson(plan)["pods"][3]["refusal"]["reason"], "TopologyAffinityError");
}

TEST(Plan, MemoryQosOfThreeGenerations) {
  KubeletConfiguration config;
  ASSERT_TRUE(config.feature_gates.Set(kMemoryQoS, true));
  config.memory_reservation_policy = MemoryReservationPolicy::kTieredReservation;
  constexpr std::string_view kPod = R"(
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - {name: c, resources: {requests: {memory: 128Mi}, limits: {memory: 256Mi}}}
)";
  const auto container = [&](MemoryQosGeneration generation, const char* file) {
    PlanOptions options;
    options.memory_qos = generation;
    const Plan plan = PlanOf(SimpleNode(4, 8LL << 30), config, kPod, options);
    const PlannedKnob* knob = FindPath(plan.root, plan.pods[0].path)->children[0].Knob(file);
    return knob == nullptr ? std::string("absent") : knob->value;
  };
  EXPECT_EQ(container(MemoryQosGeneration::k1_36, "memory.low"), "134217728");
  EXPECT_EQ(container(MemoryQosGeneration::k1_36, "memory.min"), "absent");
  EXPECT_EQ(container(MemoryQosGeneration::k1_36, "memory.high"), "255012864");
  EXPECT_EQ(container(MemoryQosGeneration::k1_27, "memory.min"), "134217728");
  EXPECT_EQ(container(MemoryQosGeneration::k1_27, "memory.high"), "255012864");
  EXPECT_EQ(container(MemoryQosGeneration::k1_22, "memory.high"), "214748364");
  const Plan plan = PlanOf(SimpleNode(4, 8LL << 30), config, kPod);
  EXPECT_EQ(Value(plan, "/kubepods.slice", "memory.min"), "134217728");
  EXPECT_EQ(Value(plan, "/kubepods.slice/kubepods-burstable.slice", "memory.low"), "134217728");
  EXPECT_EQ(ValueOfPod(plan, "default/p", "memory.low"), "134217728");
}

TEST(Plan, RefusesNodesThatReserveTooMuch) {
  const Result<Plan> plan = MakePlan(SimpleNode(2, 1LL << 30), Reserving("3"), {});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("3 of cpu reserved, 2 there"));
  Pod pod;
  pod.uid = "../x";
  pod.name = "p";
  EXPECT_FALSE(MakePlan(SimpleNode(2, 1LL << 30), {}, {pod}));
}

// Siblings with the same request weigh the same, and the plan never depends on anything but its
// input.
TEST(Plan, IsDeterministicAndFast) {
  std::mt19937_64 random(7);
  std::vector<Pod> pods;
  for (int i = 0; i < 500; ++i) {
    Pod pod;
    pod.name = fmt::format("p{}", i);
    pod.uid = fmt::format("uid-{}", i);
    for (int c = 0; c < 3; ++c) {
      Container container;
      container.name = fmt::format("c{}", c);
      container.requests()[std::string(kCpu)] =
          Quantity::FromMilli(static_cast<int64_t>(random() % 200));
      container.requests()[std::string(kMemory)] =
          Quantity::FromBytes(static_cast<int64_t>(random() % 100'000'000));
      if (i % 3 == 0) container.limits() = container.requests();
      pod.containers.push_back(std::move(container));
    }
    pods.push_back(std::move(pod));
  }
  KubeletConfiguration config;
  config.max_pods = 500;
  const NodeSpec node = SimpleNode(256, 1LL << 40);
  const auto begin = std::chrono::steady_clock::now();
  const Result<Plan> first = MakePlan(node, config, pods);
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(first);
  EXPECT_LT(took, std::chrono::seconds(1));
  EXPECT_EQ(*first, *MakePlan(node, config, pods));
  EXPECT_EQ(RenderPlan(*first), RenderPlan(*MakePlan(node, config, pods)));

  std::set<std::string> paths;
  size_t containers = 0;
  const auto walk = [&](const auto& self, const PlannedCgroup& cgroup) -> void {
    EXPECT_TRUE(paths.insert(cgroup.path).second) << cgroup.path;
    containers += cgroup.container ? 1 : 0;
    for (const PlannedCgroup& child : cgroup.children) self(self, child);
  };
  walk(walk, first->root);
  EXPECT_EQ(containers, 1500U);
}

}  // namespace
}  // namespace nodeproof::kubelet
