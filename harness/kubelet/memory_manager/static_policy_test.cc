#include "harness/kubelet/memory_manager/static_policy.h"

#include <gtest/gtest.h>

namespace nodeproof::memory_manager {
namespace {

constexpr uint64_t kGi = uint64_t{1} << 30;

// Two NUMA nodes of 4 Gi, 1 Gi of each reserved for the system.
MemoryState TwoNodes() {
  MemoryState state;
  state.machine = InitialMachineState({{0, 4 * kGi, {}}, {1, 4 * kGi, {}}},
                                      {{0, {{"memory", kGi}}}, {1, {{"memory", kGi}}}})
                      .value();
  return state;
}

PodMemory PodOf(const std::string& uid, std::vector<ContainerMemory> containers) {
  return {uid, true, std::move(containers)};
}

ContainerMemory App(const std::string& name, uint64_t bytes) {
  return {name, ContainerKind::kRegular, {{"memory", bytes}}};
}

TEST(MemoryState, AllocatableLeavesOutReservationsAndHugePages) {
  const auto machine =
      InitialMachineState({{3, 4 * kGi, {{"hugepages-1Gi", kGi}}}}, {{3, {{"memory", kGi / 2}}}});
  ASSERT_TRUE(machine);
  const MemoryTable& memory = machine->at(3).memory.at("memory");
  EXPECT_EQ(memory.allocatable, 4 * kGi - kGi - kGi / 2);
  EXPECT_EQ(memory.total, 4 * kGi);
  EXPECT_EQ(machine->at(3).memory.at("hugepages-1Gi").free, kGi);
  EXPECT_EQ(machine->at(3).cells, std::vector<int>{3});
}

TEST(MemoryState, RefusesReservationsThatCannotBe) {
  const std::vector<NumaMemory> nodes{{0, kGi, {}}};
  EXPECT_FALSE(InitialMachineState(nodes, {})) << "nothing reserved";
  EXPECT_FALSE(InitialMachineState(nodes, {{0, {{"memory", 2 * kGi}}}}));
  EXPECT_FALSE(InitialMachineState(nodes, {{7, {{"memory", 1}}}}));
  EXPECT_FALSE(InitialMachineState(nodes, {{0, {{"memory", 1}, {"hugepages-2Mi", 1}}}}));
  EXPECT_TRUE(CheckReservedMemory({{0, {{"memory", 3}}}, {1, {{"memory", 4}}}}, {{"memory", 7}}));
  EXPECT_FALSE(CheckReservedMemory({{0, {{"memory", 3}}}}, {{"memory", 7}}));
  EXPECT_FALSE(CheckReservedMemory({}, {{"memory", 7}}));
}

TEST(Allocate, GroupsNodesWhenOneIsTooSmallAndSplitsThemAgain) {
  MemoryState state = TwoNodes();
  const MemoryState before = state;
  const PodMemory pod = PodOf("pod", {App("c", 5 * kGi)});
  const auto hints = Hints(state, pod, 0);
  ASSERT_EQ(hints.at("memory")->size(), 1u);
  EXPECT_EQ(hints.at("memory")->front().affinity->ToString(), "0-1");
  EXPECT_TRUE(hints.at("memory")->front().preferred);
  ASSERT_TRUE(Allocate(state, pod, 0, {}));
  EXPECT_EQ(state.machine.at(0).cells, (std::vector<int>{0, 1}));
  EXPECT_EQ(state.machine.at(0).memory.at("memory").free, 0u);
  EXPECT_EQ(state.machine.at(1).memory.at("memory").free, kGi);
  // The rest of node 1 is the group's: a container that would fit there alone has to join it.
  const PodMemory other = PodOf("other", {App("c", kGi)});
  EXPECT_EQ(Hints(state, other, 0).at("memory")->front().affinity->ToString(), "0-1");
  EXPECT_FALSE(Hints(state, other, 0).at("memory")->front().preferred);
  Remove(state, "pod", "c");
  EXPECT_EQ(state.machine, before.machine);
  EXPECT_TRUE(state.assignments.empty());
}

TEST(Allocate, NodesInUseForThemselvesDoNotJoinGroups) {
  MemoryState state = TwoNodes();
  ASSERT_TRUE(Allocate(state, PodOf("small", {App("c", kGi)}), 0, {}));
  const PodMemory big = PodOf("big", {App("c", 5 * kGi)});
  EXPECT_TRUE(Hints(state, big, 0).empty());
  const MemoryState before = state;
  const Status refused = Allocate(state, big, 0, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(state, before);
}

TEST(Allocate, AHintThatIsTooSmallIsExtended) {
  MemoryState state = TwoNodes();
  const PodMemory pod = PodOf("pod", {App("c", 5 * kGi)});
  ASSERT_TRUE(Allocate(state, pod, 0, {NumaMask(2), false}));
  EXPECT_EQ(state.Find("pod", "c")->front().numa, (std::vector<int>{0, 1}));
}

TEST(Allocate, AppContainersUseInitContainersMemoryAgain) {
  MemoryState state = TwoNodes();
  const MemoryState before = state;
  const PodMemory pod = PodOf(
      "pod",
      {{"init", ContainerKind::kInit, {{"memory", 2 * kGi}}}, App("a", kGi), App("b", 2 * kGi)});
  for (size_t i = 0; i < pod.containers.size(); ++i) ASSERT_TRUE(Allocate(state, pod, i, {}));
  EXPECT_EQ(state.machine.at(0).memory.at("memory").reserved, 3 * kGi);
  EXPECT_EQ(state.Find("pod", "init")->front().size, 0u);
  EXPECT_EQ(PodRequests(pod), (MemoryRequests{{"memory", 3 * kGi}}));
  for (const ContainerMemory& container : pod.containers) Remove(state, "pod", container.name);
  EXPECT_EQ(state.machine, before.machine);
}

TEST(Hints, PodsThatAreNotManagedHaveNone) {
  MemoryState state = TwoNodes();
  PodMemory pod = PodOf("pod", {App("c", kGi)});
  pod.managed = false;
  EXPECT_TRUE(Hints(state, pod, 0).empty());
  EXPECT_TRUE(PodHints(state, pod).empty());
  ASSERT_TRUE(Allocate(state, pod, 0, {}));
  EXPECT_TRUE(state.assignments.empty());
}

TEST(PodMemoryOf, RefusesPartsOfBytes) {
  kubelet::Pod pod;
  pod.containers.emplace_back().requests()["memory"] = *kubelet::Quantity::Parse("100m");
  EXPECT_FALSE(PodMemoryOf(pod, true, false));
}

}  // namespace
}  // namespace nodeproof::memory_manager
