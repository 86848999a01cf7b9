#include "harness/kubelet/admit/node_allocator.h"

#include <gtest/gtest.h>

#include <random>

#include "harness/kubelet/admit/uniform_node.h"

namespace nodeproof::admit {
namespace {

using cpu_manager::MachineShape;
using kubelet::KubeletConfiguration;
using kubelet::Pod;
using kubelet::PodAdmission;

constexpr int64_t kGi = int64_t{1} << 30;

NodeAllocator AllocatorOn(const kubelet::NodeSpec& node, const KubeletConfiguration& config) {
  Result<NodeAllocator> allocator = NodeAllocator::Create(node, config);
  EXPECT_TRUE(allocator) << allocator.error().ToString();
  return std::move(*allocator);
}

// Eight CPUs: four cores of two threads, cpu0-3 and cpu4-7.
NodeAllocator EightCpus(const KubeletConfiguration& config = StaticCpus()) {
  return AllocatorOn(UniformNode({}, 8 * kGi), config);
}

// The four pods of the Kubernetes documentation of the static policy
// (tasks/administer-cluster/cpu-management-policies).
TEST(StaticPolicyExamples, OfTheKubernetesDocumentation) {
  NodeAllocator node = EightCpus();
  const auto assignment = [&](const Pod& pod) {
    const PodAdmission admission = node.Admit(pod);
    EXPECT_TRUE(admission.admitted) << admission.message;
    return admission.containers.at("nginx");
  };
  const auto best_effort = assignment(PodWith("best-effort", {ContainerWith("nginx", "", "")}));
  EXPECT_FALSE(best_effort.exclusive_cpus);
  EXPECT_EQ(best_effort.cpuset_cpus, "0-7");

  Pod burstable = PodWith("burstable", {ContainerWith("nginx", "", "200Mi")});
  burstable.containers[0].requests()["memory"] = *kubelet::Quantity::Parse("100Mi");
  EXPECT_FALSE(assignment(burstable).exclusive_cpus);

  const auto guaranteed = assignment(PodWith("two", {ContainerWith("nginx", "2", "200Mi")}));
  EXPECT_TRUE(guaranteed.exclusive_cpus);
  EXPECT_EQ(guaranteed.cpuset_cpus, "1,5") << "a whole core, as core 0 is partly reserved";

  const auto fraction = assignment(PodWith("fraction", {ContainerWith("nginx", "1.5", "200Mi")}));
  EXPECT_FALSE(fraction.exclusive_cpus);
  EXPECT_EQ(fraction.cpuset_cpus, "0,2-4,6-7");
  EXPECT_EQ(node.AssignmentsOf(burstable).containers.at("nginx").cpuset_cpus, "0,2-4,6-7")
      << "the shared pool shrank under it";
}

TEST(NodeAllocator, PolicyNoneLeavesCpusetsAlone) {
  NodeAllocator node = EightCpus({});
  const PodAdmission admission = node.Admit(PodWith("pod", {ContainerWith("c", "2", "1Gi")}));
  EXPECT_TRUE(admission.admitted);
  EXPECT_EQ(admission.containers.at("c"), kubelet::ContainerAssignment());
  EXPECT_EQ(node.SharedPool().ToString(), "0-7");
}

TEST(NodeAllocator, RefusalsHaveTheKubeletsReasonsAndChangeNothing) {
  KubeletConfiguration config = StaticCpus();
  config.cpu_manager_policy_options["full-pcpus-only"] = "true";
  NodeAllocator node = EightCpus(config);
  const PodAdmission odd =
      node.Admit(PodWith("odd", {ContainerWith("a", "2", "1Gi"), ContainerWith("b", "3", "1Gi")}));
  EXPECT_FALSE(odd.admitted);
  EXPECT_EQ(odd.reason, "SMTAlignmentError");
  EXPECT_EQ(node.SharedPool().ToString(), "0-7");
  EXPECT_TRUE(node.cpu_state().assignments.empty());

  NodeAllocator plain = EightCpus();
  const PodAdmission large = plain.Admit(PodWith("large", {ContainerWith("a", "8", "1Gi")}));
  EXPECT_EQ(large.reason, "UnexpectedAdmissionError");
  EXPECT_EQ(large.message,
            "Allocate failed due to not enough cpus available to satisfy request: requested=8, "
            "available=7, which is unexpected");
}

KubeletConfiguration Aligned(const std::string& policy, const std::string& scope) {
  KubeletConfiguration config = StaticCpus();
  config.topology_manager_policy = policy;
  config.topology_manager_scope = scope;
  return config;
}

// Two NUMA nodes of 4 cores: cpu0-3 and 8-11, cpu4-7 and 12-15; cpu0 is reserved.
constexpr MachineShape kTwoNumaNodes{.sockets = 2};

TEST(NodeAllocator, ScopesDecideWhatIsAlignedTogether) {
  const auto node = UniformNode(kTwoNumaNodes, 8 * kGi);
  const Pod pod = PodWith("pod", {ContainerWith("a", "6", "1Gi"), ContainerWith("b", "4", "1Gi")});
  NodeAllocator by_container = AllocatorOn(node, Aligned("single-numa-node", "container"));
  const PodAdmission apart = by_container.Admit(pod);
  ASSERT_TRUE(apart.admitted) << apart.message;
  EXPECT_EQ(apart.containers.at("a").cpuset_cpus, "1-3,9-11");
  EXPECT_EQ(apart.containers.at("b").cpuset_cpus, "4-5,12-13") << "node 0 is too full by then";

  NodeAllocator by_pod = AllocatorOn(node, Aligned("single-numa-node", "pod"));
  const PodAdmission together = by_pod.Admit(pod);
  EXPECT_FALSE(together.admitted);
  EXPECT_EQ(together.reason, "TopologyAffinityError");
  EXPECT_EQ(together.message, "Resources cannot be allocated with Topology locality");
  EXPECT_EQ(by_pod.SharedPool().ToString(), "0-15");
  NodeAllocator best_effort = AllocatorOn(node, Aligned("best-effort", "pod"));
  EXPECT_TRUE(best_effort.Admit(pod).admitted);
}

TEST(NodeAllocator, AFailureOfALaterContainerTakesTheEarlierOnesBack) {
  NodeAllocator node =
      AllocatorOn(UniformNode(kTwoNumaNodes, 8 * kGi), Aligned("single-numa-node", "container"));
  const PodAdmission refused =
      node.Admit(PodWith("pod", {ContainerWith("a", "8", "1Gi"), ContainerWith("b", "8", "1Gi")}));
  EXPECT_EQ(refused.reason, "TopologyAffinityError");
  EXPECT_TRUE(node.cpu_state().assignments.empty());
  EXPECT_EQ(node.SharedPool().ToString(), "0-15");
}

TEST(NodeAllocator, MemoryAndCpusComeFromTheSameNodes) {
  KubeletConfiguration config = Aligned("single-numa-node", "container");
  AddStaticMemory(config, 2, kGi);
  NodeAllocator node = AllocatorOn(UniformNode(kTwoNumaNodes, 8 * kGi), config);
  const PodAdmission first = node.Admit(PodWith("first", {ContainerWith("c", "2", "6Gi")}));
  ASSERT_TRUE(first.admitted) << first.message;
  EXPECT_EQ(first.containers.at("c").cpuset_mems, "0");
  EXPECT_EQ(first.containers.at("c").cpuset_cpus, "1,9");
  const PodAdmission second = node.Admit(PodWith("second", {ContainerWith("c", "2", "6Gi")}));
  ASSERT_TRUE(second.admitted) << second.message;
  EXPECT_EQ(second.containers.at("c").cpuset_mems, "1");
  EXPECT_EQ(second.containers.at("c").cpuset_cpus, "4,12");
  EXPECT_FALSE(node.Admit(PodWith("third", {ContainerWith("c", "2", "6Gi")})).admitted);
  node.Release("first");
  EXPECT_EQ(node.Admit(PodWith("fourth", {ContainerWith("c", "2", "6Gi")}))
                .containers.at("c")
                .cpuset_mems,
            "0");
}

TEST(NodeAllocator, PodLevelResourcesKeepAPodInTheSharedPool) {
  NodeAllocator node = EightCpus();
  Pod pod = PodWith("pod", {ContainerWith("c", "2", "1Gi")});
  pod.resources = pod.containers[0].resources;
  const PodAdmission admission = node.Admit(pod);
  EXPECT_TRUE(admission.admitted);
  EXPECT_FALSE(admission.containers.at("c").exclusive_cpus);
}

TEST(NodeAllocator, RefusesConfigurationsThatTheKubeletDoesNotStartWith) {
  const auto fails = [](const KubeletConfiguration& config, const kubelet::NodeSpec& node) {
    return !NodeAllocator::Create(node, config);
  };
  const auto node = UniformNode(kTwoNumaNodes, 8 * kGi);
  KubeletConfiguration no_reservation = StaticCpus();
  no_reservation.kube_reserved.clear();
  EXPECT_TRUE(fails(no_reservation, node));
  KubeletConfiguration conflict = StaticCpus();
  conflict.cpu_manager_policy_options = {{"distribute-cpus-across-numa", "true"},
                                         {"prefer-align-cpus-by-uncorecache", "true"}};
  EXPECT_TRUE(fails(conflict, node));
  KubeletConfiguration memory = StaticCpus();
  memory.memory_manager_policy = "Static";
  EXPECT_TRUE(fails(memory, node)) << "no reservedMemory";
  const auto nine_nodes = UniformNode({.sockets = 9, .cores_per_numa = 1}, kGi);
  EXPECT_TRUE(fails(Aligned("best-effort", "pod"), nine_nodes));
  EXPECT_FALSE(fails(StaticCpus(), nine_nodes));
  EXPECT_TRUE(fails(StaticCpus(), {})) << "no CPU";
  KubeletConfiguration alpha = StaticCpus();
  ASSERT_TRUE(alpha.feature_gates.Set(kubelet::kPodLevelResourceManagers, true));
  EXPECT_TRUE(fails(alpha, node));
}

TEST(NodeAllocator, ReservedSystemCpusStandForTheReservation) {
  KubeletConfiguration config;
  config.cpu_manager_policy = "static";
  config.reserved_system_cpus = CpuSet{0, 4};
  config.cpu_manager_policy_options["strict-cpu-reservation"] = "true";
  NodeAllocator node = EightCpus(config);
  EXPECT_EQ(node.SharedPool().ToString(), "1-3,5-7");
}

// Random admissions and releases on a random configuration.
struct Random {
  explicit Random(unsigned seed) : engine(seed) {}
  unsigned Below(unsigned n) { return static_cast<unsigned>(engine() % n); }
  bool Chance(unsigned one_in) { return Below(one_in) == 0; }

  KubeletConfiguration Config(const MachineShape& shape) {
    const char* policies[] = {"none", "best-effort", "restricted", "single-numa-node"};
    KubeletConfiguration config = Aligned(policies[Below(4)], Chance(2) ? "pod" : "container");
    config.kube_reserved["cpu"] = kubelet::Quantity::FromMilli(100 + Below(2500));
    auto& options = config.cpu_manager_policy_options;
    if (Chance(3)) options["full-pcpus-only"] = "true";
    if (Chance(3)) options["strict-cpu-reservation"] = "true";
    if (Chance(3)) {
      options[Chance(2) ? "prefer-align-cpus-by-uncorecache" : "distribute-cpus-across-numa"] =
          "true";
    }
    if (Chance(2)) config.topology_manager_policy_options["prefer-closest-numa-nodes"] = "true";
    if (Chance(2)) AddStaticMemory(config, shape.sockets * shape.numa_per_socket, kGi / 2);
    return config;
  }

  kubelet::Container Container(const std::string& name) {
    const std::string cpu = Chance(5) ? "1500m" : std::to_string(1 + Below(6));
    return ContainerWith(name, cpu, std::to_string(64 + Below(3000)) + "Mi");
  }

  Pod NextPod(int number) {
    std::vector<kubelet::Container> init;
    std::vector<kubelet::Container> apps;
    for (unsigned i = 0; i < Below(3); ++i) {
      init.push_back(Container("init" + std::to_string(i)));
      if (Chance(2)) init.back().restart_policy = "Always";
    }
    for (unsigned i = 0; i <= Below(3); ++i) apps.push_back(Container("app" + std::to_string(i)));
    if (Chance(6)) apps.front().limits().clear();  // not Guaranteed
    return PodWith("pod" + std::to_string(number), std::move(apps), std::move(init));
  }

  std::mt19937 engine;
};

void ExpectSound(const NodeAllocator& node, const CpuSet& whole_pool) {
  CpuSet all = node.SharedPool();
  for (const auto& [uid, containers] : node.cpu_state().assignments) {
    CpuSet of_pod;
    for (const auto& [name, cpus] : containers) of_pod = of_pod | cpus;
    EXPECT_FALSE(all.Intersects(of_pod)) << uid << " shares " << (all & of_pod).ToString();
    EXPECT_TRUE(node.AllocatableCpus().Contains(of_pod)) << uid;
    all = all | of_pod;
  }
  EXPECT_EQ(all, whole_pool);

  uint64_t reserved = 0;
  for (const auto& [id, numa] : node.memory_state().machine) {
    const memory_manager::MemoryTable& memory = numa.memory.at("memory");
    EXPECT_EQ(memory.free + memory.reserved, memory.allocatable) << "NUMA node " << id;
    reserved += memory.reserved;
  }
  uint64_t in_blocks = 0;
  for (const auto& [uid, containers] : node.memory_state().assignments) {
    for (const auto& [name, blocks] : containers) {
      for (const memory_manager::Block& block : blocks) in_blocks += block.size;
    }
  }
  EXPECT_EQ(in_blocks, reserved);
}

class RandomNodes : public testing::TestWithParam<unsigned> {};

TEST_P(RandomNodes, ExclusiveSetsAreDisjointAndComeBackWhole) {
  Random random(GetParam());
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 40; ++round) {
    const MachineShape shape{.sockets = 1 + static_cast<int>(random.Below(2)),
                             .numa_per_socket = 1 + static_cast<int>(random.Below(3)),
                             .cores_per_numa = 2 + static_cast<int>(random.Below(5)),
                             .cores_per_uncore_cache = 2};
    const KubeletConfiguration config = random.Config(shape);
    const auto spec = UniformNode(shape, 8 * kGi);
    NodeAllocator node = AllocatorOn(spec, config);
    NodeAllocator twin = AllocatorOn(spec, config);
    const CpuSet whole_pool = node.SharedPool();
    const auto machine = node.memory_state().machine;
    std::vector<Pod> admitted;
    for (int number = 0; number < 30; ++number) {
      const Pod pod = random.NextPod(number);
      const auto before = node.cpu_state();
      const auto memory_before = node.memory_state();
      const PodAdmission admission = node.Admit(pod);
      const PodAdmission same = twin.Admit(pod);
      EXPECT_EQ(admission.admitted, same.admitted);
      EXPECT_EQ(admission.containers, same.containers);
      ++(admission.admitted ? accepted : refused);
      if (admission.admitted) {
        admitted.push_back(pod);
      } else {
        EXPECT_FALSE(admission.reason.empty());
        EXPECT_EQ(node.cpu_state(), before);
        EXPECT_EQ(node.memory_state(), memory_before);
      }
      ExpectSound(node, whole_pool);
      if (!admitted.empty() && random.Chance(4)) {
        const size_t gone = random.Below(static_cast<unsigned>(admitted.size()));
        node.Release(admitted[gone].uid);
        twin.Release(admitted[gone].uid);
        admitted.erase(admitted.begin() + static_cast<std::ptrdiff_t>(gone));
        ExpectSound(node, whole_pool);
      }
    }
    for (const Pod& pod : admitted) node.Release(pod.uid);
    EXPECT_EQ(node.SharedPool(), whole_pool);
    EXPECT_TRUE(node.cpu_state().assignments.empty());
    EXPECT_TRUE(node.memory_state().assignments.empty());
    EXPECT_EQ(node.memory_state().machine, machine);
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomNodes, testing::Values(1u, 2u, 3u, 4u));

}  // namespace
}  // namespace nodeproof::admit
