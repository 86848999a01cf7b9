// Memory policies: pages are where a process asks for them.
#include <unistd.h>

#include "conformance/numa/kernel_setting.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/numa/numa_steps.h"
#include "conformance/pods.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;
using numa::Policy;

// 4095 pages: whole rounds of the weights 5 and 2.
constexpr int64_t kRounds = 585;
constexpr int64_t kWeightFirst = 5;
constexpr int64_t kWeightSecond = 2;
constexpr int64_t kPages = kRounds * (kWeightFirst + kWeightSecond);

Bytes Amount() { return Bytes{kPages * ::sysconf(_SC_PAGESIZE)}; }

// Pages that should be on each node of the pair; a page of an odd number may be on either.
struct Placement {
  int64_t first = 0;
  int64_t second = 0;
  int64_t either = 0;
};

// besteffort ── pod ── main   no cpuset.mems     a process on the first node's CPUs
Result<results::Arm> MeasurePlacement(ArmContext& context, const NodePair& pair, Policy policy,
                                      const std::vector<int>& nodes, const Placement& placement,
                                      std::string description) {
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  PlacedMemory memory = TRY(PlacedMemory::Start({.name = "placed memory",
                                                 .group = TRY(tree.Container("pod", "main")),
                                                 .affinity = pair.first_cpus,
                                                 .amount = Amount(),
                                                 .policy = policy,
                                                 .nodes = nodes}));
  TRY(memory.AwaitFull(context.patience()));
  if (const int refused = memory.PolicyRefused(); refused != 0) {
    return FailErrno(refused, "mbind(2) with " + description);
  }
  const numa::ByNode pages = TRY(memory.Pages());
  const numa::ByNode maps = TRY(memory.Maps());
  results::Arm arm = DescribedArm(tree, std::move(description));
  const auto within = [&](std::string name, int64_t expected, int64_t measured) {
    results::Check check = CountIs(std::move(name), expected, measured);
    check.expected.tolerance = static_cast<double>(placement.either);
    check.finding = measure::Judge(check.expected, check.measured);
    return check;
  };
  arm.checks = {within(fmt::format("pages on node {}", pair.second), placement.second,
                       numa::At(pages, pair.second)),
                within(fmt::format("pages on node {}", pair.first), placement.first,
                       numa::At(pages, pair.first)),
                within(fmt::format("pages on node {} by numa_maps", pair.second), placement.second,
                       numa::At(maps, pair.second))};
  arm.load = {Touched(memory, Amount())};
  return arm;
}

constexpr const char* kLocal = "no policy: local memory";

Result<results::Arm> MeasureOnOther(ArmContext& context, Policy policy, std::string_view name) {
  const NodePair pair = TRY(PairOf(context.topology()));
  const Placement placement = {.first = 0, .second = kPages};
  if (!context.Protected()) {
    return MeasurePlacement(context, pair, Policy::kDefault, {}, placement, kLocal);
  }
  return MeasurePlacement(context, pair, policy, {pair.second}, placement,
                          fmt::format("{} node {}", name, pair.second));
}

Result<results::Arm> MeasureInterleave(ArmContext& context) {
  const NodePair pair = TRY(PairOf(context.topology()));
  // Pages take turns by their place, so that only an odd one may be on either.
  const Placement placement = {.first = kPages / 2, .second = kPages / 2, .either = kPages % 2};
  if (!context.Protected()) {
    return MeasurePlacement(context, pair, Policy::kDefault, {}, placement, kLocal);
  }
  return MeasurePlacement(context, pair, Policy::kInterleave, {pair.first, pair.second}, placement,
                          fmt::format("interleaved over nodes {} and {}", pair.first, pair.second));
}

constexpr const char* kWeights = "/sys/kernel/mm/mempolicy/weighted_interleave";

std::string WeightFile(int node) { return fmt::format("{}/node{}", kWeights, node); }

Result<results::Arm> MeasureWeighted(ArmContext& context) {
  const NodePair pair = TRY(PairOf(context.topology()));
  constexpr const char* kNeeds = "weighted interleave, kernel 6.9";
  const KernelSetting first =
      TRY(KernelSetting::Set(WeightFile(pair.first), fmt::format("{}", kWeightFirst), kNeeds));
  const KernelSetting second =
      TRY(KernelSetting::Set(WeightFile(pair.second), fmt::format("{}", kWeightSecond), kNeeds));
  const Placement placement = {.first = kRounds * kWeightFirst, .second = kRounds * kWeightSecond};
  const bool is_protected = context.Protected();
  return MeasurePlacement(context, pair,
                          is_protected ? Policy::kWeightedInterleave : Policy::kInterleave,
                          {pair.first, pair.second}, placement,
                          is_protected ? "interleaved by weights 5 and 2" : "interleaved alike");
}

constexpr const char* kTree = "besteffort ── pod ── main";
constexpr const char* kSource =
    "Documentation/admin-guide/mm/numa_memory_policy.rst; mm/mempolicy.c";
constexpr const char* kCounted = "None: pages are counted, by move_pages(2) and by numa_maps.";
constexpr const char* kLoad =
    "A process on the CPUs of the first NUMA node asks mbind(2) for a policy on 4095 pages (no "
    "huge "
    "ones) and touches them.";
constexpr const char* kControl = "No policy: all pages come from the CPU's own node.";

}  // namespace

Claim NumaPolicyBind() {
  return {.id = "numa.policy.bind",
          .statement =
              "Memory that is bound to a NUMA node comes from there, wherever its process "
              "runs.",
          .source = kSource,
          .needs = NumaNeeds(MiB(64)),
          .explanation = {.tree = kTree,
                          .load = kLoad,
                          .expected = "Bound to the second node: all pages are there.",
                          .tolerance = kCounted,
                          .control = kControl},
          .measure = [](ArmContext& context) {
            return MeasureOnOther(context, Policy::kBind, "bound to");
          }};
}

Claim NumaPolicyPreferred() {
  return {.id = "numa.policy.preferred",
          .statement = "Memory that prefers a NUMA node comes from there while there is any.",
          .source = kSource,
          .needs = NumaNeeds(MiB(64)),
          .explanation = {.tree = kTree,
                          .load = kLoad,
                          .expected = "Preferring the second node: all pages are there.",
                          .tolerance = kCounted,
                          .control = kControl},
          .measure = [](ArmContext& context) {
            return MeasureOnOther(context, Policy::kPreferred, "preferring");
          }};
}

Claim NumaPolicyInterleave() {
  return {
      .id = "numa.policy.interleave",
      .statement = "Interleaved memory comes from all its NUMA nodes by turns.",
      .source = kSource,
      .needs = NumaNeeds(MiB(64)),
      .explanation = {.tree = kTree,
                      .load = kLoad,
                      .expected = "Interleaved over two nodes: 2047 pages on each, and one more "
                                  "on either.",
                      .tolerance = "The odd page; else none: pages are counted.",
                      .control = kControl},
      .measure = MeasureInterleave};
}

Claim NumaPolicyWeightedInterleave() {
  Needs needs = NumaNeeds(MiB(64));
  needs.whole_node = true;
  needs.why_whole_node = "it sets the node's interleave weights";
  return {
      .id = "numa.policy.weighted-interleave",
      .statement = "Memory interleaved by weight comes from its NUMA nodes in their proportion.",
      .source =
          "Documentation/ABI/testing/sysfs-kernel-mm-mempolicy-weighted-interleave; kernel "
          "6.9",
      .needs = std::move(needs),
      .explanation = {.tree = kTree,
                      .load = kLoad,
                      .expected = "With weights 5 and 2: 2925 pages on the first node, 1170 on the "
                                  "second.",
                      .tolerance = kCounted,
                      .control = "Interleaved without weights: half on each."},
      .measure = MeasureWeighted};
}

}  // namespace nodeproof::conformance
