// Who dies when the node runs out of memory.
#include <algorithm>
#include <memory>

#include "conformance/memory/steps.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/pods.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

// The kubelet and the container runtime run with this (pkg/kubelet/qos/policy.go).
constexpr int kNodeProcessAdj = -999;
// The kernel kills no process with this.
constexpr int kNever = -1000;

// A process of a pod that holds memory and waits to be killed.
struct Candidate {
  std::string pod;
  Bytes memory{0};
};

struct Deaths {
  std::vector<std::string> order;  // names of those that died, first first
  int64_t by_signal = 0;           // of them, how many ended by SIGKILL
  bool node_process_lived = false;
  Bytes pressed{0};
};

kubelet::Pod PodOf(std::string_view name, std::string_view request, std::string_view limit) {
  if (!limit.empty()) {
    return MakePod(name, {{.cpu_request = "100m",
                           .cpu_limit = "100m",
                           .memory_request = request,
                           .memory_limit = limit}});
  }
  return MakePod(name, {{.memory_request = request}});
}

Result<int> PlannedAdj(ArmContext& context, const std::vector<kubelet::Pod>& pods,
                       std::string_view pod) {
  kubelet::PlanOptions options;
  options.driver = context.environment().driver;
  const kubelet::Plan plan = TRY(kubelet::MakePlan(MemoryNode(), {}, pods, options));
  return OomScoreAdjOf(plan, pod);
}

// Each candidate touches its memory, and so does a process of the node. Then one that cannot be
// killed presses, at a rate that leaves time to see each death before the next, until all
// candidates are dead or it holds `press`.
Result<Deaths> Press(ArmContext& context, const capsule::Tree& tree,
                     const std::vector<kubelet::Pod>& pods,
                     const std::vector<Candidate>& candidates, bool equal_adj, Bytes press) {
  TRY(RequireLowOomScores());
  std::vector<std::unique_ptr<stress::AnonHog>> hogs;
  for (const Candidate& candidate : candidates) {
    const int adj = equal_adj ? 0 : TRY(PlannedAdj(context, pods, candidate.pod));
    hogs.push_back(std::make_unique<stress::AnonHog>(
        TRY(stress::AnonHog::Start({.name = candidate.pod,
                                    .group = TRY(tree.Container(candidate.pod, "main")),
                                    .target = candidate.memory,
                                    .oom_score_adj = adj}))));
    TRY(hogs.back()->AwaitFull(context.patience()));
  }
  stress::AnonHog node_process = TRY(stress::AnonHog::Start({.name = "node-process",
                                                             .group = TRY(tree.SystemSlice()),
                                                             .target = MiB(4),
                                                             .oom_score_adj = kNodeProcessAdj}));
  TRY(node_process.AwaitFull(context.patience()));
  stress::AnonHog presser = TRY(stress::AnonHog::Start({.name = "presser",
                                                        .group = TRY(tree.SystemSlice()),
                                                        .target = press,
                                                        .oom_score_adj = kNever,
                                                        .rate = MiB(32)}));
  Deaths deaths;
  // Killed is who is counted so: to end, a victim may need long, at the CPU weight of BestEffort.
  TRY(Await(context, "the presser's memory", [&]() -> Result<bool> {
    for (const Candidate& candidate : candidates) {
      if (std::ranges::find(deaths.order, candidate.pod) != deaths.order.end()) continue;
      const cgroup::Cgroup& group = *TRY(tree.Container(candidate.pod, "main"));
      if (TRY(Counter(group, "memory.events", "oom_kill")) > 0) {
        deaths.order.push_back(candidate.pod);
      }
    }
    return presser.Touched() >= press || !TRY(presser.Running()) ||
           deaths.order.size() == candidates.size();
  }));
  for (const auto& hog : hogs) {
    const bool counted = std::ranges::find(deaths.order, hog->name()) != deaths.order.end();
    if (counted) deaths.by_signal += TRY(DiedOfKill(hog->process(), context.patience()));
  }
  deaths.node_process_lived = TRY(node_process.Running());
  deaths.pressed = presser.Touched();
  return deaths;
}

// Pairs that died in another order than `expected`; one that lives counts as dying last.
int64_t Inversions(const std::vector<std::string>& expected, const std::vector<std::string>& died) {
  const auto place = [&](const std::string& name) {
    return std::ranges::find(died, name) - died.begin();
  };
  int64_t inversions = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    for (size_t j = i + 1; j < expected.size(); ++j) {
      inversions += place(expected[i]) >= place(expected[j]);
    }
  }
  return inversions;
}

std::string Joined(const std::vector<std::string>& names) {
  return names.empty() ? "nobody" : fmt::format("{}", fmt::join(names, ", "));
}

results::Arm OrderArm(const capsule::Tree& tree, std::string description, const Deaths& deaths,
                      const std::vector<std::string>& expected, Bytes needed) {
  results::Arm arm = DescribedArm(tree, std::move(description));
  arm.checks = {
      CountIs("pairs killed in the wrong order", 0, Inversions(expected, deaths.order)),
      CountIs("processes killed", static_cast<int64_t>(expected.size()), deaths.by_signal),
      CountIs("processes of the node (-999) that live", 1, deaths.node_process_lived)};
  arm.notes.push_back("killed, first first: " + Joined(deaths.order));
  arm.load = {BytesDone("presser", needed, deaths.pressed)};
  return arm;
}

// node 160M ─┬─ system       a process of the node, -999, 4M; the presser, -1000
//            └─ kubepods ─┬─ guaranteed            40M  -997
//                         ├─ burstable ─┬─ large   30M  1000 - 1000 x 6Gi/8Gi = 250
//                         │             └─ small   24M  1000 - 1000 x 1Gi/8Gi = 875
//                         └─ besteffort            16M  1000
constexpr Bytes kNode = MiB(160);

Result<results::Arm> MeasureOrder(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {
      PodOf("guaranteed", "512Mi", "512Mi"), PodOf("large-request", "6Gi", ""),
      PodOf("small-request", "1Gi", ""), MakePod("besteffort", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kNode}));
  const bool is_protected = context.Protected();
  const Deaths deaths = TRY(Press(context, tree, pods,
                                  {{"guaranteed", MiB(40)},
                                   {"large-request", MiB(30)},
                                   {"small-request", MiB(24)},
                                   {"besteffort", MiB(16)}},
                                  !is_protected, kNode - MiB(8)));
  return OrderArm(tree, is_protected ? "oom_score_adj as the kubelet sets it" : "equal scores",
                  deaths, {"besteffort", "small-request", "large-request", "guaranteed"}, MiB(40));
}

// node 96M ─┬─ system          a process of the node, -999, 4M; the presser, -1000
//           └─ besteffort ─┬─ large   32M  1000
//                          └─ small   16M  1000
constexpr Bytes kSmallNode = MiB(96);

Result<results::Arm> MeasureLargest(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::vector<kubelet::Pod> pods = {MakePod("large", {{}}), MakePod("small", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, {}, {.memory = kSmallNode}));
  const Bytes small = MiB(16);
  const Bytes large = MiB(32);
  const Deaths deaths =
      TRY(Press(context, tree, pods,
                {{"large", is_protected ? large : small}, {"small", is_protected ? small : large}},
                false, kSmallNode - MiB(8)));
  return OrderArm(tree, is_protected ? "large holds 32M, small 16M" : "the other way round", deaths,
                  {"large", "small"}, MiB(40));
}

}  // namespace

Claim OomOrder() {
  return {
      .id = "oom.order",
      .statement =
          "When the node runs out of memory BestEffort dies first, then Burstable by "
          "request, then Guaranteed; the node's own processes live.",
      .source = "pkg/kubelet/qos/policy.go, v1.36; mm/oom_kill.c, oom_badness()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 160M ─┬─ system.slice              a process of the node  -999\n"
                   "           └─ kubepods ─┬─ pod guaranteed     holds 40M  -997\n"
                   "                        ├─ burstable ─┬─ pod large-request  30M   250\n"
                   "                        │             └─ pod small-request  24M   875\n"
                   "                        └─ besteffort ── pod besteffort     16M  1000",
           .load = "Each pod's process holds its memory, the node's 4M. Then a process that cannot "
                   "be killed (-1000, in system.slice) grows by 32M a second until all pods' are "
                   "dead.",
           .expected =
               "They die in the order besteffort, small-request, large-request, guaranteed, "
               "although each holds more than the one before. The node's process lives.",
           .tolerance =
               "The order: none. The scores differ by 125 thousandths of the node and more "
               "(20M), the sizes by 24M, and where they meet (guaranteed at -997) by all "
               "of it.",
           .control = "oom_score_adj 0 for all: the largest dies first."},
      .measure = MeasureOrder};
}

Claim OomLargestFirst() {
  return {
      .id = "oom.largest-first",
      .statement =
          "Of processes with equal oom_score_adj the one that uses most memory dies first.",
      .source = "mm/oom_kill.c, oom_badness()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation = {.tree = "node 96M ─┬─ system.slice             a process of the node  -999\n"
                              "          └─ besteffort ─┬─ pod large   32M  1000\n"
                              "                         └─ pod small   16M  1000",
                      .load = "As in oom.order.",
                      .expected = "large dies before small.",
                      .tolerance = "The order: none.",
                      .control = "The same with 16M in large and 32M in small: small dies first."},
      .measure = MeasureLargest};
}

}  // namespace nodeproof::conformance
