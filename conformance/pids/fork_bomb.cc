// podPidsLimit: a storm of births in one pod ends there, and the neighbours do not notice.
#include <algorithm>

#include "conformance/memory/steps.h"
#include "conformance/pids/pids_claims.h"
#include "conformance/pids/refusals.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/probe/forker.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;
using Kind = stress::ForkStormOptions::Kind;

constexpr int64_t kNodePids = 160;
constexpr int64_t kPodPids = 48;
// Refused births and forks of each neighbour, at the limit.
constexpr int64_t kRefusals = 100;
constexpr int64_t kForks = 20;

kubelet::NodeSpec NodeWithPids() {
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.pid_max = kNodePids;
  return node;
}

std::vector<kubelet::Pod> Pods() {
  return {MakePod("neighbour", {{.cpu_request = "1",
                                 .cpu_limit = "1",
                                 .memory_request = "64Mi",
                                 .memory_limit = "64Mi"}}),
          MakePod("bomb", {{}})};
}

Result<int64_t> Refusals(const capsule::Tree& tree) {
  const cgroup::Cgroup& pod = *TRY(tree.Pod("bomb"));
  if (TRY(RefusalsCountAtTheLimit(pod))) return Counter(pod, "pids.events", "max");
  return Counter(*TRY(tree.Container("bomb", "main")), "pids.events", "max");
}

// node 160 ─┬─ system.slice                      a process that forks
//           └─ kubepods ─┬─ neighbour            a process that forks
//                        └─ besteffort ── bomb   pids.max 48: the storm
Result<results::Arm> MeasureStorm(ArmContext& context, Kind kind) {
  kubelet::KubeletConfiguration config;
  if (context.Protected()) config.pod_pids_limit = kPodPids;
  const capsule::Tree tree =
      TRY(context.Plant(NodeWithPids(), config, Pods(), {}, {.pids = kNodePids}));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("bomb"));
  probe::Forker neighbour = TRY(probe::Forker::Start(
      {.name = "neighbour", .group = TRY(tree.Container("neighbour", "main"))}));
  probe::Forker system =
      TRY(probe::Forker::Start({.name = "system", .group = TRY(tree.SystemSlice())}));
  TRY(neighbour.AwaitReady(context.patience()));
  TRY(system.AwaitReady(context.patience()));

  stress::ForkStorm storm = TRY(stress::ForkStorm::Start(
      {.group = TRY(tree.Container("bomb", "main")), .kind = kind, .most = kNodePids + kPodPids}));
  int64_t most = 0;
  int64_t forks_before = -1;  // of both neighbours, when the storm was full
  TRY(Await(context, "the storm and its neighbours", [&]() -> Result<bool> {
    most = std::max(most, TRY(cgroup::ReadNumber(pod, "pids.current")));
    if (storm.Refused() < kRefusals && !storm.Sated()) return false;
    const int64_t forks = std::min(neighbour.Forks(), system.Forks());
    if (forks_before < 0) forks_before = std::max(neighbour.Forks(), system.Forks());
    return forks >= forks_before + kForks;
  }));
  TRY(storm.Halt(context.patience()));

  const auto cpus = static_cast<double>(context.online().size());
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "podPidsLimit 48" : "no podPidsLimit");
  arm.checks = {
      CountIs("tasks that the storm came to", kPodPids, storm.Tasks()),
      measure::ExactCheck("pids.current of its pod, most of all looks",
                          {static_cast<double>(kPodPids), Relation::kAtMost, cpus, "tasks"},
                          static_cast<double>(most)),
      CountIs("forks of the neighbour that failed", 0, neighbour.Failures()),
      CountIs("forks in system.slice that failed", 0, system.Failures()),
      CountIs("max in pids.events, less the births that were refused", 0,
              TRY(Refusals(tree)) - storm.Refused()),
      CountIs("births that failed for another reason", 0, storm.Failed())};
  arm.load = {{"storm", "births tried", static_cast<double>(kRefusals),
               static_cast<double>(storm.Births() + storm.Refused())},
              {"neighbours", "forks", static_cast<double>(2 * kForks),
               static_cast<double>(neighbour.Forks() + system.Forks())}};
  return arm;
}

constexpr const char* kTree =
    "node 160 ─┬─ system.slice\n"
    "          └─ kubepods ─┬─ pod neighbour (Guaranteed)\n"
    "                       └─ besteffort ── pod bomb     pids.max 48 (podPidsLimit)";

Claim StormClaim(std::string id, std::string statement, Kind kind, std::string load) {
  return {
      .id = std::move(id),
      .statement = std::move(statement),
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"pids.max\"; kernel/cgroup/pids.c, "
          "pids_can_fork(); Kubernetes 1.36 podPidsLimit",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = kTree,
           .load = std::move(load) +
                   " It goes on trying, every 5 ms, until 100 births were refused and a process "
                   "in neighbour and one in system.slice have forked 20 times each meanwhile.",
           .expected = "The pod comes to 48 tasks, by the storm's own count, and not one more or "
                       "fewer. Every refusal is EAGAIN and an event of pids.events. Every fork of "
                       "the neighbours succeeds.",
           .tolerance = "Tasks and events are counted: none. pids.current counts a birth that is "
                        "about to be refused for a moment: one a CPU.",
           .control = "No podPidsLimit: the storm takes what the node has."},
      .measure = [kind](ArmContext& context) { return MeasureStorm(context, kind); }};
}

}  // namespace

Claim PidsForkBomb() {
  return StormClaim("pids.fork-bomb",
                    "A fork bomb ends at its pod's limit, and its neighbours go on forking.",
                    Kind::kBomb, "Every process of the storm forks, and so does every child.");
}

Claim PidsVfork() {
  return StormClaim(
      "pids.vfork",
      "A chain of vfork(2) ends at its pod's limit, and its neighbours go on forking.",
      Kind::kVfork,
      "Each process makes a child that shares its memory, waits for it, and the "
      "child does the same (CLONE_VM, CLONE_VFORK).");
}

Claim PidsThreads() {
  return StormClaim("pids.threads",
                    "Threads count as processes do: a storm of them ends at its pod's limit.",
                    Kind::kThreads, "One process starts threads.");
}

Claim PidsClone3() {
  return StormClaim("pids.clone3",
                    "A process that is born into a pod from outside counts against the pod's "
                    "limit, not that of its parent.",
                    Kind::kBornInto,
                    "A process outside the tree gives birth into the pod (clone3 with "
                    "CLONE_INTO_CGROUP), as container runtimes do.");
}

}  // namespace nodeproof::conformance
