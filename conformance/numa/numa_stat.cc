// memory.numa_stat: which node's memory a group uses, at every level.
#include "conformance/numa/numa_claims.h"
#include "conformance/numa/numa_steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;
using numa::Policy;

// A tenth of each is more than what is allowed for.
constexpr Bytes kOnFirst = MiB(56);
constexpr Bytes kOnSecond = MiB(40);
// What two processes have besides: stack, heap, pages that their parent had written before the
// fork.
constexpr Bytes kProcesses = MiB(2);

// A group and what its processes hold on each node.
struct Expected {
  std::string_view name;
  const cgroup::Cgroup* group;
  Bytes first;
  Bytes second;
};

// kubepods ── besteffort ── pod ─┬─ one    56M bound to the first node
//                                └─ two    40M bound to the second
Result<results::Arm> MeasureStat(ArmContext& context) {
  const bool is_protected = context.Protected();
  const NodePair pair = TRY(PairOf(context.topology()));
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{.name = "one"}, {.name = "two"}})}));
  const cgroup::Cgroup* one = TRY(tree.Container("pod", "one"));
  const cgroup::Cgroup* two = TRY(tree.Container("pod", "two"));
  PlacedMemory near = TRY(PlacedMemory::Start({.name = "one",
                                               .group = one,
                                               .affinity = pair.first_cpus,
                                               .amount = kOnFirst,
                                               .policy = Policy::kBind,
                                               .nodes = {pair.first}}));
  PlacedMemory far = TRY(PlacedMemory::Start({.name = "two",
                                              .group = two,
                                              .affinity = pair.first_cpus,
                                              .amount = kOnSecond,
                                              .policy = Policy::kBind,
                                              .nodes = {is_protected ? pair.second : pair.first}}));
  TRY(near.AwaitFull(context.patience()));
  TRY(far.AwaitFull(context.patience()));
  // It is brought up to date every 2 s at the latest.
  const Nanoseconds deadline = context.clock().Now() + std::chrono::seconds(5);
  const cgroup::Cgroup* slice = TRY(tree.NodeSlice());
  TRY(Await(context, "memory.numa_stat up to date", [&]() -> Result<bool> {
    const auto stat = TRY(numa::ReadNumaStat(*slice, "anon"));
    return Bytes{numa::Sum(stat)} >= kOnFirst + kOnSecond || context.clock().Now() > deadline;
  }));

  const Expected groups[] = {{"two", two, {}, kOnSecond},
                             {"one", one, kOnFirst, {}},
                             {"their pod", TRY(tree.Pod("pod")), kOnFirst, kOnSecond},
                             {"besteffort", TRY(tree.QosSlice("pod")), kOnFirst, kOnSecond},
                             {"kubepods", slice, kOnFirst, kOnSecond}};
  results::Arm arm = DescribedArm(tree, is_protected ? "each on its node" : "both on the first");
  for (const Expected& expected : groups) {
    const numa::ByNode stat = TRY(numa::ReadNumaStat(*expected.group, "anon"));
    const auto add = [&](int node, Bytes bytes) {
      const Bytes measured{numa::At(stat, node)};
      const std::string name = fmt::format("anon on node {} of {}", node, expected.name);
      arm.checks.push_back(BytesAtLeast(name, bytes, measured, ChargeBatches(context)));
      arm.checks.push_back(
          BytesAtMost(name + ", at most", bytes, measured, kProcesses + ChargeBatches(context)));
    };
    add(pair.second, expected.second);
    add(pair.first, expected.first);
  }
  arm.load = {Touched(near, kOnFirst), Touched(far, kOnSecond)};
  return arm;
}

}  // namespace

Claim NumaStat() {
  return {
      .id = "numa.stat",
      .statement =
          "memory.numa_stat says how much of each NUMA node's memory a group and those below "
          "it use.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.numa_stat\"",
      .needs = NumaNeeds(MiB(256)),
      .explanation =
          {.tree = "kubepods ── besteffort ── pod ─┬─ one\n"
                   "                               └─ two",
           .load =
               "Both processes run on the first node's CPUs. That in one binds 56M to the first "
               "node, that in two 40M to the second, and they touch it.",
           .expected =
               "anon of two: 40M on the second node; of one: 56M on the first; of the pod, of "
               "besteffort and of kubepods both.",
           .tolerance =
               "More by 2M for what the two processes have besides (stack, heap, pages written "
               "before the fork); both ways a batch of 64 pages a CPU.",
           .control = "Both are bound to the first node."},
      .measure = MeasureStat};
}

}  // namespace nodeproof::conformance
