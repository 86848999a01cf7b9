// How long the policy takes on a large node: 2 sockets, 8 NUMA nodes, 128 cores, 256 CPUs. A plan
// for 500 pods of 3 containers has to stay well under a second, and a distributed allocation must
// not grow with the number of NUMA combinations.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>

#include "harness/kubelet/admit/node_allocator.h"
#include "harness/kubelet/admit/uniform_node.h"
#include "harness/kubelet/cpu_manager/take_by_topology.h"
#include "harness/kubelet/node_plan/node_plan.h"

namespace nodeproof {
namespace {

using admit::ContainerWith;
using admit::PodWith;
using cpu_manager::MachineShape;

constexpr MachineShape kLargeNode{
    .sockets = 2, .numa_per_socket = 4, .cores_per_numa = 16, .cores_per_uncore_cache = 4};
constexpr int kNumaNodes = 8;
constexpr int64_t kNumaBytes = int64_t{64} << 30;
constexpr int kPods = 500;

// Arguments: CPUs to take, and how many of each NUMA node's CPUs are taken already, 0 to that many.
void BM_DistributedAllocation(benchmark::State& state) {
  const auto topology = cpu_manager::UniformTopology(kLargeNode);
  const auto taken_at_most = static_cast<int>(state.range(1));
  CpuSet available = topology->AllCpus();
  for (int node = 0; node < kNumaNodes; ++node) {
    const auto cpus = topology->Members(cpu_manager::Level::kNuma, node);
    for (int i = 0; i < node * taken_at_most / (kNumaNodes - 1); ++i) {
      available.Erase(topology->cpus()[static_cast<size_t>(cpus[static_cast<size_t>(i)])].cpu);
    }
  }
  const auto num_cpus = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const auto cpus = cpu_manager::TakeDistributed(*topology, available, num_cpus, {1});
    if (!cpus) state.SkipWithError(cpus.error().message.c_str());
    benchmark::DoNotOptimize(cpus);
  }
}
BENCHMARK(BM_DistributedAllocation)
    ->ArgNames({"cpus", "taken"})
    ->Args({2, 0})
    ->Args({97, 0})    // four NUMA nodes and a remainder of one
    ->Args({131, 0})   // five and a remainder: 56 combinations, 31 remainder sets each
    ->Args({131, 9})   // the same with nodes of different sizes
    ->Args({223, 0});  // seven of eight

void BM_PackedAllocation(benchmark::State& state) {
  const auto topology = cpu_manager::UniformTopology(kLargeNode);
  const auto num_cpus = static_cast<int>(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(cpu_manager::TakePacked(*topology, topology->AllCpus(), num_cpus));
  }
}
BENCHMARK(BM_PackedAllocation)->ArgName("cpus")->Arg(2)->Arg(97);

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

void BM_AdmitPods(benchmark::State& state, const char* topology_policy, bool distributed) {
  const auto node = admit::UniformNode(kLargeNode, kNumaBytes);
  const auto config = LargeNodeConfig(topology_policy, distributed);
  const std::vector<kubelet::Pod> pods = ManyPods();
  int64_t admitted = 0;
  for (auto _ : state) {
    auto allocator = admit::NodeAllocator::Create(node, config);
    if (!allocator) {
      state.SkipWithError(allocator.error().ToString().c_str());
      break;
    }
    admitted = 0;
    for (const kubelet::Pod& pod : pods) admitted += allocator->Admit(pod).admitted ? 1 : 0;
  }
  state.counters["admitted"] = static_cast<double>(admitted);
  state.counters["pods_per_second"] =
      benchmark::Counter(kPods, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK_CAPTURE(BM_AdmitPods, no_alignment, "none", false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_AdmitPods, best_effort, "best-effort", false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_AdmitPods, restricted_distributed, "restricted", true)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_AdmitPods, single_numa_node, "single-numa-node", false)
    ->Unit(benchmark::kMillisecond);

// All of `nodeproof plan`: admission, and the whole tree as text.
void BM_Plan(benchmark::State& state, const char* topology_policy, bool distributed) {
  const auto node = admit::UniformNode(kLargeNode, kNumaBytes);
  auto config = LargeNodeConfig(topology_policy, distributed);
  config.max_pods = kPods;
  const std::vector<kubelet::Pod> pods = ManyPods();
  int64_t admitted = 0;
  for (auto _ : state) {
    const auto plan = kubelet::PlanNode(node, config, pods);
    if (!plan) {
      state.SkipWithError(plan.error().ToString().c_str());
      break;
    }
    benchmark::DoNotOptimize(kubelet::RenderPlan(*plan));
    admitted = std::ranges::count_if(plan->pods, &kubelet::PlannedPod::admitted);
  }
  state.counters["admitted"] = static_cast<double>(admitted);
}
BENCHMARK_CAPTURE(BM_Plan, no_alignment, "none", false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Plan, restricted_distributed, "restricted", true)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nodeproof
