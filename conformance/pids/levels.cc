// pids.max at every level of the tree: the tightest ancestor wins.
#include <algorithm>

#include "conformance/memory/steps.h"
#include "conformance/pids/pids_claims.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using Kind = stress::ForkStormOptions::Kind;

constexpr int64_t kNodePids = 128;
constexpr int64_t kMost = 40;  // births that a storm wants, more than any limit
constexpr int64_t kRefusals = 4;
constexpr int kRounds = 4;

struct Level {
  std::string name;
  const cgroup::Cgroup* group;
  std::string limit;  // what stands there when nothing is tried
};

// Tasks that the storm comes to in `group`.
struct Reached {
  int64_t tasks = 0;
  int64_t tried = 0;
};
Result<Reached> Storm(ArmContext& context, const cgroup::Cgroup& group) {
  stress::ForkStorm storm = TRY(stress::ForkStorm::Start(
      {.group = &group, .kind = Kind::kChildren, .most = kMost, .refusals = kRefusals}));
  TRY(Await(context, "the storm", [&]() -> Result<bool> { return storm.Sated(); }));
  TRY(storm.Halt(context.patience()));
  const Reached reached{storm.Tasks(), storm.Births() + storm.Refused()};
  TRY(storm.End(context.patience()));
  return reached;
}

// node ── kubepods ── besteffort ── pod ── main ── nested ── deeper      the storm
Result<results::Arm> MeasureNested(ArmContext& context) {
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.pid_max = kNodePids;
  const capsule::Tree tree =
      TRY(context.Plant(node, {}, {MakePod("pod", {{}})}, {}, {.pids = kNodePids}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  TRY(main.EnableControllers({"pids"}));
  const cgroup::Cgroup nested = TRY(main.CreateChild("nested"));
  TRY(nested.EnableControllers({"pids"}));
  const cgroup::Cgroup deeper = TRY(nested.CreateChild("deeper"));
  const std::string node_pids = fmt::format("{}", kNodePids);
  const std::vector<Level> levels = {
      {"the node", &context.environment().capsule->group(), node_pids},
      {"kubepods", TRY(tree.NodeSlice()), node_pids},
      {"besteffort", TRY(tree.QosSlice("pod")), "max"},
      {"the pod", TRY(tree.Pod("pod")), "max"},
      {"the container", &main, "max"},
      {"a group in it", &nested, "max"},
      {"a group in that", &deeper, "max"}};

  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "limits of 8 to 30" : "no limit but the node's");
  int64_t tried = 0;
  // A zombie of somebody else's, which nobody reaps, counts in the node: `most` beside those.
  const auto limit = [&](const Level& level, int64_t most) -> Status {
    if (!context.Protected()) return {};
    const int64_t there = TRY(cgroup::ReadNumber(*level.group, "pids.current"));
    return level.group->Write("pids.max", fmt::format("{}", most + there));
  };
  const auto reset = [&]() -> Status {
    for (const Level& level : levels) TRY(level.group->Write("pids.max", level.limit));
    return {};
  };
  const auto expect = [&](std::string name, int64_t tasks) -> Status {
    const Reached reached = TRY(Storm(context, deeper));
    arm.checks.push_back(CountIs(std::move(name), tasks, reached.tasks));
    tried += reached.tried;
    return reset();
  };
  // A limit at one level alone, another one at each.
  for (size_t i = 0; i < levels.size(); ++i) {
    const int64_t most = 20 + static_cast<int64_t>(i);
    TRY(limit(levels[i], most));
    TRY(expect("tasks below the limit of " + levels[i].name, most));
  }
  // Limits at all levels, the tightest anywhere.
  for (int round = 0; round < kRounds; ++round) {
    int64_t least = kNodePids;
    for (const Level& level : levels) {
      const auto most = static_cast<int64_t>(8 + context.random()() % 23);
      least = std::min(least, most);
      TRY(limit(level, most));
    }
    TRY(expect(fmt::format("tasks below random limits, round {}", round + 1), least));
  }
  // Each storm has its root, and 8 tasks at the least.
  arm.load = {{"storms", "births tried", static_cast<double>(arm.checks.size() * 8),
               static_cast<double>(tried)}};
  return arm;
}

constexpr int64_t kReserved = 24;

// node 96 ─┬─ system.slice            24 processes that come late
//          └─ kubepods  pids.max 72 ── besteffort ─┬─ a   a fork bomb
//                                                  └─ b   another
Result<results::Arm> MeasureNodeReserve(ArmContext& context) {
  constexpr int64_t kPids = 96;
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.pid_max = kPids;
  kubelet::KubeletConfiguration config;
  if (context.Protected()) {
    config.system_reserved = {
        {std::string(kubelet::kPid), kubelet::Quantity::FromUnits(kReserved)}};
  }
  const capsule::Tree tree = TRY(
      context.Plant(node, config, {MakePod("a", {{}}), MakePod("b", {{}})}, {}, {.pids = kPids}));
  const cgroup::Cgroup& kubepods = *TRY(tree.NodeSlice());
  std::vector<stress::ForkStorm> bombs;
  for (const char* pod : {"a", "b"}) {
    bombs.push_back(TRY(stress::ForkStorm::Start({.name = pod,
                                                  .group = TRY(tree.Container(pod, "main")),
                                                  .kind = Kind::kBomb,
                                                  .most = kPids})));
  }
  const auto tasks = [&] { return bombs[0].Tasks() + bombs[1].Tasks(); };
  const auto refused = [&] { return bombs[0].Refused() + bombs[1].Refused(); };
  int64_t most = 0;
  TRY(Await(context, "refused births", [&]() -> Result<bool> {
    most = std::max(most, TRY(cgroup::ReadNumber(kubepods, "pids.current")));
    return refused() >= 50 || (bombs[0].Sated() && bombs[1].Sated());
  }));
  // The node's processes come while the bombs go on; its root is one of them.
  stress::ForkStorm late = TRY(stress::ForkStorm::Start({.name = "system",
                                                         .group = TRY(tree.SystemSlice()),
                                                         .kind = Kind::kBornInto,
                                                         .most = kReserved,
                                                         .refusals = 10}));
  TRY(Await(context, "the node's processes", [&]() -> Result<bool> { return late.Sated(); }));
  for (stress::ForkStorm& bomb : bombs) TRY(bomb.Halt(context.patience()));

  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "24 of 96 pids reserved for the node" : "nothing reserved");
  arm.checks = {CountIs("tasks that both bombs came to", kPids - kReserved, tasks()),
                CountIs("processes of the node that were born", kReserved, late.Births()),
                CountIs("births in system.slice that were refused", 0, late.Refused())};
  arm.notes.push_back(fmt::format("pids.current of kubepods: {} at most of all looks", most));
  arm.load = {{"two bombs", "births tried", 100, static_cast<double>(tasks() + refused())}};
  return arm;
}

}  // namespace

Claim PidsNested() {
  return {
      .id = "pids.nested",
      .statement = "Of all limits above a process the tightest holds, whatever level it is on.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"PID\"; kernel/cgroup/pids.c, "
          "pids_try_charge()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node ── kubepods ── besteffort ── pod ── main ── nested ── deeper",
           .load = "A process in the deepest group forks until it was refused four times or has "
                   "40 children. Once with a limit on each of the seven levels alone (20 to 26), "
                   "then four times with limits between 8 and 30 on all of them, drawn from the "
                   "seed.",
           .expected = "As many tasks as the tightest limit says, each time.",
           .tolerance = "Tasks are counted: none.",
           .control = "No limits: 41 tasks each time."},
      .measure = MeasureNested};
}

Claim PidsNodeReserve() {
  return {.id = "pids.node-reserve",
          .statement = "Pods together leave the node the pids that are reserved for it.",
          .source = "pkg/kubelet/cm/node_container_manager_linux.go, v1.36 (pid of systemReserved)",
          .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
          .explanation =
              {.tree = "node 96 ─┬─ system.slice\n"
                       "         └─ kubepods  pids.max 72 = 96 - 24 ── besteffort ─┬─ pod a\n"
                       "                                                           └─ pod b",
               .load = "A fork bomb in a and in b, with no podPidsLimit, until 50 births were "
                       "refused. While they go on trying, 24 processes are born in system.slice.",
               .expected = "Both bombs together come to 72 tasks, and none of the 24 is refused.",
               .tolerance = "Tasks are counted: none.",
               .control = "Nothing reserved: the bombs come to 96."},
          .measure = MeasureNodeReserve};
}

}  // namespace nodeproof::conformance
