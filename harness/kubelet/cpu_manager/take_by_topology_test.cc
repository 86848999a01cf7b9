// The cases of upstream's tables run in harness/kubelet/model; here stand the released defects, the
// limits, and what must hold on any machine.
#include "harness/kubelet/cpu_manager/take_by_topology.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "harness/kubelet/cpu_manager/uniform_machine.h"

namespace nodeproof::cpu_manager {
namespace {

constexpr MachineShape kEightNumaNodes{.sockets = 2, .numa_per_socket = 4, .cores_per_numa = 16};

CpuSet NumaNodesOf(const CpuTopology& topology, const CpuSet& cpus) {
  CpuSet nodes;
  for (const int cpu : cpus) {
    nodes.Insert(topology.cpus()[static_cast<size_t>(topology.IndexOf(cpu))].numa);
  }
  return nodes;
}

TEST(TakeDistributed, KeptCombinationsChangeInSharedMemory) {
  // Every choice of four of eight equal nodes is as good as any other, so the first one is kept;
  // the last member of it is then overwritten by those that follow with the same first three.
  const auto topology = UniformTopology(kEightNumaNodes);
  const Allocation released = TakeDistributed(*topology, topology->AllCpus(), 128);
  ASSERT_TRUE(released) << released.error().message;
  EXPECT_EQ(NumaNodesOf(*topology, *released).ToString(), "0-2,7");
  const Allocation fixed =
      TakeDistributed(*topology, topology->AllCpus(), 128, {.quirks = Quirks::Fixed()});
  ASSERT_TRUE(fixed) << fixed.error().message;
  EXPECT_EQ(NumaNodesOf(*topology, *fixed).ToString(), "0-3");
}

TEST(TakeDistributed, EndlessHandOutIsAnOutcome) {
  // 14 CPUs in pairs from four NUMA nodes with 5, 5, 4 and 3 CPUs left: two from each, then six
  // more from some of the first three, which keep 3, 3 and 2. The first two alone have 6 CPUs, but
  // only two pairs between them, and the released kubelet goes round them for the third for ever.
  const auto topology =
      UniformTopology({.sockets = 4, .cores_per_numa = 4, .siblings_adjacent = true});
  const CpuSet available = *CpuSet::Parse("0-4,8-12,16-19,24-26");
  const Allocation released = TakeDistributed(*topology, available, 14, {2});
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().failure, AllocationFailure::kEndlessHandOut);
  EXPECT_EQ(released.error().TypeName(), "EndlessHandOut");
  const Allocation fixed =
      TakeDistributed(*topology, available, 14, {2, CpuSorting::kPacked, Quirks::Fixed()});
  ASSERT_TRUE(fixed) << fixed.error().message;
  EXPECT_EQ(fixed->ToString(), "0-3,8-11,16-19,24-25");
}

TEST(TakePacked, HybridCoresAreTakenWithCpusOfOthers) {
  // Cores 0 and 1 have two threads, cores 2 to 5 one: 8 CPUs on 6 cores, one a core on average.
  // With cpu1 taken, core 0 has one CPU left and counts as free.
  std::vector<CpuPlace> cpus{{0, 0, 0, 0, 0}, {1, 0, 0, 0, 0}, {2, 0, 0, 2, 0}, {3, 0, 0, 2, 0}};
  for (int cpu = 4; cpu < 8; ++cpu) cpus.push_back({cpu, 0, 0, cpu, 0});
  const TopologyCounts counts = CountsOf(cpus);
  const auto topology = CpuTopology::Create(counts, cpus);
  ASSERT_TRUE(topology);
  const CpuSet available{0, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(TakePacked(*topology, available, 2)->ToString(), "0-1") << "cpu1 belongs to another";
  EXPECT_EQ(TakePacked(*topology, available, 2, {.quirks = Quirks::Fixed()})->ToString(), "0,4");
}

TEST(TakeByTopology, SaysWhatIsMissing) {
  const auto topology = UniformTopology({});
  const Allocation none = TakePacked(*topology, CpuSet{0, 1}, 3);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().failure, AllocationFailure::kNotEnoughCpus);
  EXPECT_EQ(none.error().message,
            "not enough cpus available to satisfy request: requested=3, available=2");
  EXPECT_EQ(TakePacked(*topology, CpuSet{0, 1}, 0)->size(), 0u);
  EXPECT_EQ(TakeDistributed(*topology, CpuSet{0, 1}, -1)->size(), 0u);
  EXPECT_EQ(TakeDistributed(*topology, CpuSet{0, 1}, 1, {.cpu_group_size = 0}).error().failure,
            AllocationFailure::kUnusableTopology);
}

TEST(TakeDistributed, RefusesASearchThatWouldTakeMinutes) {
  const auto topology = UniformTopology(
      {.sockets = 1, .numa_per_socket = 30, .cores_per_numa = 2, .threads_per_core = 1});
  const Allocation taken = TakeDistributed(*topology, topology->AllCpus(), 31);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().failure, AllocationFailure::kSearchTooLarge);
}

TEST(TakeDistributed, EightNumaNodesDoNotExplode) {
  const auto topology = UniformTopology(kEightNumaNodes);
  const auto start = std::chrono::steady_clock::now();
  for (int num_cpus = 2; num_cpus <= 256; num_cpus += 2) {
    const Allocation taken = TakeDistributed(*topology, topology->AllCpus(), num_cpus, {2});
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(taken->size(), static_cast<size_t>(num_cpus));
  }
  const std::chrono::duration<double> each = (std::chrono::steady_clock::now() - start) / 128;
  EXPECT_LT(each.count(), 0.1) << "seconds an allocation";
}

// A machine with holes in its CPU, core, socket and NUMA numbers; its header may be right or not.
CpuTopology RandomTopology(std::mt19937& random) {
  const MachineShape shape{.sockets = 1 + static_cast<int>(random() % 3),
                           .numa_per_socket = 1 + static_cast<int>(random() % 3),
                           .cores_per_numa = 1 + static_cast<int>(random() % 5),
                           .threads_per_core = 1 + static_cast<int>(random() % 3),
                           .cores_per_uncore_cache = static_cast<int>(random() % 3),
                           .siblings_adjacent = random() % 2 == 0};
  std::vector<CpuPlace> cpus = UniformMachine(shape);
  const bool offline = random() % 2 == 0;
  std::erase_if(
      cpus, [&](const CpuPlace& place) { return offline && place.cpu != 0 && random() % 5 == 0; });
  const int stretch = 1 + static_cast<int>(random() % 3);
  const bool entangled = random() % 8 == 0;
  for (CpuPlace& place : cpus) {
    place.cpu *= stretch;
    place.numa *= stretch;
    place.socket *= stretch;
    if (entangled) place.socket = static_cast<int>(random() % 3);
  }
  TopologyCounts counts = CountsOf(cpus);
  if (random() % 4 == 0) counts.numa_nodes = 0;
  if (random() % 8 == 0) counts.cores = 1 + static_cast<int>(random() % 20);
  return *CpuTopology::Create(counts, std::move(cpus));
}

CpuSet RandomSubset(const CpuSet& cpus, std::mt19937& random) {
  CpuSet subset;
  const auto percent = random() % 101;
  for (const int cpu : cpus) {
    if (random() % 100 < percent) subset.Insert(cpu);
  }
  return subset;
}

class RandomMachines : public testing::TestWithParam<unsigned> {};

TEST_P(RandomMachines, EveryRequestEndsAndTheFixedAllocatorKeepsToWhatIsAvailable) {
  std::mt19937 random(GetParam());
  for (int round = 0; round < 1500; ++round) {
    const CpuTopology topology = RandomTopology(random);
    const CpuSet available = RandomSubset(topology.AllCpus(), random);
    const int num_cpus = static_cast<int>(random() % (available.size() + 2));
    const CpuSorting sorting = random() % 3 == 0 ? CpuSorting::kSpread : CpuSorting::kPacked;
    const int group = 1 + static_cast<int>(random() % 4);
    const bool by_uncore = random() % 2 == 0 && topology.CpusPerCore() > 0;
    for (const Quirks quirks : {Quirks{}, Quirks::Fixed()}) {
      const Allocation packed =
          TakePacked(topology, available, num_cpus, {sorting, by_uncore, quirks});
      const Allocation distributed =
          TakeDistributed(topology, available, num_cpus, {group, sorting, quirks});
      for (const Allocation* taken : {&packed, &distributed}) {
        const bool enough = num_cpus <= static_cast<int>(available.size());
        if (!enough) {
          ASSERT_FALSE(*taken);
          EXPECT_EQ(taken->error().failure, AllocationFailure::kNotEnoughCpus);
          continue;
        }
        EXPECT_TRUE(!*taken || topology.AllCpus().Contains(**taken));
        if (quirks.inexact_units) continue;
        ASSERT_TRUE(*taken) << taken->error().message << " for " << num_cpus << " of "
                            << available.ToString();
        EXPECT_TRUE(available.Contains(**taken));
        EXPECT_EQ((*taken)->size(), static_cast<size_t>(num_cpus));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomMachines, testing::Values(1u, 2u, 3u));

TEST(RandomRequests, TheReleasedAllocatorKeepsToWhatIsAvailableOnRegularMachines) {
  std::mt19937 random(11);
  const auto topology = UniformTopology({.sockets = 2, .numa_per_socket = 2, .cores_per_numa = 4});
  for (int round = 0; round < 3000; ++round) {
    const CpuSet available = RandomSubset(topology->AllCpus(), random);
    if (available.empty()) continue;
    const int num_cpus = static_cast<int>(random() % available.size()) + 1;
    const Allocation packed = TakePacked(*topology, available, num_cpus);
    ASSERT_TRUE(packed) << packed.error().message;
    EXPECT_EQ(packed->size(), static_cast<size_t>(num_cpus));
    EXPECT_TRUE(available.Contains(*packed));
    const Allocation distributed = TakeDistributed(*topology, available, num_cpus, {2});
    if (distributed) {
      EXPECT_EQ(distributed->size(), static_cast<size_t>(num_cpus));
      EXPECT_TRUE(available.Contains(*distributed));
    }
  }
}

TEST(CpuTopology, RefusesTablesThatMakeNoSense) {
  EXPECT_FALSE(CpuTopology::Create({}, {}));
  EXPECT_FALSE(CpuTopology::Create({}, {{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}));
  EXPECT_FALSE(CpuTopology::Create({}, {{-1, 0, 0, 0, 0}}));
  EXPECT_FALSE(CpuTopology::Create({}, {{0, 64, 0, 0, 0}}));
  EXPECT_FALSE(CpuTopology::Create({}, {{70000, 0, 0, 0, 0}}));
  EXPECT_FALSE(CpuTopology::Discover({}));
}

}  // namespace
}  // namespace nodeproof::cpu_manager
