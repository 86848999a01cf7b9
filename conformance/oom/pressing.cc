#include "conformance/oom/pressing.h"

#include <algorithm>
#include <memory>

#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

// The kubelet and the container runtime run with this (pkg/kubelet/qos/policy.go).
constexpr int kNodeProcessAdj = -999;
// The kernel kills no process with this.
constexpr int kNever = -1000;

Result<int> PlannedAdj(ArmContext& context, const std::vector<kubelet::Pod>& pods,
                       std::string_view pod) {
  kubelet::PlanOptions options;
  options.driver = context.environment().driver;
  const kubelet::Plan plan = TRY(kubelet::MakePlan(MemoryNode(), {}, pods, options));
  return OomScoreAdjOf(plan, pod);
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

}  // namespace

kubelet::Pod PodOf(std::string_view name, std::string_view request, std::string_view limit) {
  if (!limit.empty()) {
    return MakePod(name, {{.cpu_request = "100m",
                           .cpu_limit = "100m",
                           .memory_request = request,
                           .memory_limit = limit}});
  }
  return MakePod(name, {{.memory_request = request}});
}

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
                                    .oom_score_adj = adj,
                                    .affinity = CpuSet{context.QuietCpu()}}))));
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

}  // namespace nodeproof::conformance
