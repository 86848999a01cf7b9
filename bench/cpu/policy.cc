// How long the policy takes on a large node: 2 sockets, 8 NUMA nodes, 128 cores, 256 CPUs. A plan
// for 500 pods of 3 containers has to stay well under a second, and a distributed allocation must
// not grow with the number of NUMA combinations.
#include <algorithm>
#include <random>

#include "bench/core/context.h"
#include "bench/cpu/cpu_benches.h"
#include "harness/kubelet/admit/node_allocator.h"
#include "harness/kubelet/admit/uniform_node.h"
#include "harness/kubelet/cpu_manager/take_by_topology.h"
#include "harness/kubelet/node_plan/node_plan.h"

namespace nodeproof::bench {
namespace {

using admit::ContainerWith;
using admit::PodWith;
using cpu_manager::MachineShape;

constexpr MachineShape kLargeNode{
    .sockets = 2, .numa_per_socket = 4, .cores_per_numa = 16, .cores_per_uncore_cache = 4};
constexpr int kNumaNodes = 8;
constexpr int64_t kNumaBytes = int64_t{64} << 30;
constexpr int kPods = 500;

struct AllocationCase {
  const char* id;
  int cpus;   // to take
  int taken;  // of each NUMA node's CPUs are taken already 0 to that many
};
constexpr AllocationCase kDistributed[] = {
    {"cpu.policy.distributed.cpus-2", 2, 0},
    {"cpu.policy.distributed.cpus-97", 97, 0},    // four NUMA nodes and a remainder of one
    {"cpu.policy.distributed.cpus-131", 131, 0},  // five and a remainder: 56 combinations, 31
                                                  // remainder sets each
    {"cpu.policy.distributed.uneven", 131, 9},    // the same with nodes of different sizes
    {"cpu.policy.distributed.cpus-223", 223, 0},  // seven of eight
};

Status MeasureDistributed(const AllocationCase& wanted, benchmark::State& state) {
  const auto topology = cpu_manager::UniformTopology(kLargeNode);
  CpuSet available = topology->AllCpus();
  for (int node = 0; node < kNumaNodes; ++node) {
    const auto cpus = topology->Members(cpu_manager::Level::kNuma, node);
    for (int i = 0; i < node * wanted.taken / (kNumaNodes - 1); ++i) {
      available.Erase(topology->cpus()[static_cast<size_t>(cpus[static_cast<size_t>(i)])].cpu);
    }
  }
  for (auto _ : state) {
    const auto cpus = cpu_manager::TakeDistributed(*topology, available, wanted.cpus, {1});
    if (!cpus) return Fail("{}", cpus.error().message);
    benchmark::DoNotOptimize(cpus);
  }
  return {};
}

Status MeasurePacked(int cpus, benchmark::State& state) {
  const auto topology = cpu_manager::UniformTopology(kLargeNode);
  for (auto _ : state) {
    const auto taken = cpu_manager::TakePacked(*topology, topology->AllCpus(), cpus);
    if (!taken) return Fail("{}", taken.error().message);
    benchmark::DoNotOptimize(taken);
  }
  return {};
}

// 500 pods of 3 containers that all fit: one in sixteen has CPUs of its own.
std::vector<kubelet::Pod> ManyPods() {
  std::vector<kubelet::Pod> pods;
  std::mt19937 random(1);
  for (int i = 0; i < kPods; ++i) {
    const bool exclusive = i % 16 == 0;
    std::vector<kubelet::Container> containers;
    for (const char* name : {"app", "proxy", "log"}) {
      const std::string cpu = exclusive ? std::to_string(1 + random() % 2) : "50m";
      containers.push_back(ContainerWith(name, cpu, "128Mi"));
    }
    if (i % 4 == 1) containers[0].limits().clear();  // Burstable
    pods.push_back(PodWith("pod" + std::to_string(i), std::move(containers)));
  }
  return pods;
}

kubelet::KubeletConfiguration LargeNodeConfig(const char* topology_policy, bool distributed) {
  kubelet::KubeletConfiguration config = admit::StaticCpus();
  config.max_pods = kPods;
  config.topology_manager_policy = topology_policy;
  if (distributed) config.cpu_manager_policy_options["distribute-cpus-across-numa"] = "true";
  admit::AddStaticMemory(config, kNumaNodes, int64_t{1} << 30);
  return config;
}

struct PolicyCase {
  const char* name;
  const char* topology_policy;
  bool distributed = false;
};
constexpr PolicyCase kPolicies[] = {{"no-alignment", "none"},
                                    {"best-effort", "best-effort"},
                                    {"restricted-distributed", "restricted", true},
                                    {"single-numa-node", "single-numa-node"}};

Status MeasureAdmission(const PolicyCase& policy, Context& context, benchmark::State& state) {
  const auto node = admit::UniformNode(kLargeNode, kNumaBytes);
  const auto config = LargeNodeConfig(policy.topology_policy, policy.distributed);
  const std::vector<kubelet::Pod> pods = ManyPods();
  int64_t admitted = 0;
  for (auto _ : state) {
    auto allocator = TRY(admit::NodeAllocator::Create(node, config));
    admitted = 0;
    for (const kubelet::Pod& pod : pods) admitted += allocator.Admit(pod).admitted ? 1 : 0;
  }
  context.Report({"admitted", "count", Better::kHigher, static_cast<double>(admitted)});
  return {};
}

// All of `nodeproof plan`: admission, and the whole tree as text.
Status MeasurePlan(const PolicyCase& policy, Context& context, benchmark::State& state) {
  const auto node = admit::UniformNode(kLargeNode, kNumaBytes);
  const auto config = LargeNodeConfig(policy.topology_policy, policy.distributed);
  const std::vector<kubelet::Pod> pods = ManyPods();
  int64_t admitted = 0;
  for (auto _ : state) {
    const auto plan = TRY(kubelet::PlanNode(node, config, pods));
    benchmark::DoNotOptimize(kubelet::RenderPlan(plan));
    admitted = std::ranges::count_if(plan.pods, &kubelet::PlannedPod::admitted);
  }
  context.Report({"admitted", "count", Better::kHigher, static_cast<double>(admitted)});
  return {};
}

}  // namespace

void AddPolicy(Registry& registry) {
  for (const AllocationCase& wanted : kDistributed) {
    registry.Add({.id = wanted.id,
                  .what = fmt::format("The CPU Manager's distributed allocation of {} of 256 CPUs.",
                                      wanted.cpus),
                  .unit = benchmark::kMicrosecond,
                  .run = [&wanted](Context&, benchmark::State& state) {
                    return MeasureDistributed(wanted, state);
                  }});
  }
  for (const int cpus : {2, 97}) {
    registry.Add(
        {.id = fmt::format("cpu.policy.packed.cpus-{}", cpus),
         .what = fmt::format("The CPU Manager's packed allocation of {} of 256 CPUs.", cpus),
         .unit = benchmark::kMicrosecond,
         .run = [cpus](Context&, benchmark::State& state) { return MeasurePacked(cpus, state); }});
  }
  for (const PolicyCase& policy : kPolicies) {
    registry.Add({.id = fmt::format("cpu.policy.admit.{}", policy.name),
                  .what = fmt::format("Admission of 500 pods on 256 CPUs, topology policy {}.",
                                      policy.topology_policy),
                  .unit = benchmark::kMillisecond,
                  .budget = Seconds(120),
                  .run = [&policy](Context& context, benchmark::State& state) {
                    return MeasureAdmission(policy, context, state);
                  }});
  }
  for (const PolicyCase* policy : {&kPolicies[0], &kPolicies[2]}) {
    registry.Add(
        {.id = fmt::format("cpu.policy.plan.{}", policy->name),
         .what = fmt::format("`nodeproof plan` of 500 pods on 256 CPUs, topology policy {}.",
                             policy->topology_policy),
         .unit = benchmark::kMillisecond,
         .budget = Seconds(120),
         .run = [policy](Context& context, benchmark::State& state) {
           return MeasurePlan(*policy, context, state);
         }});
  }
}

}  // namespace nodeproof::bench
