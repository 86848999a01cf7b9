// Node Allocatable: what pods may have together, as numbers and as limits that hold.
#include "conformance/eviction/eviction_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/kubelet/allocatable/node_allocatable.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

constexpr int64_t kCapacityKi = 263'192'560;
constexpr int64_t kAllocatableKi = 258'486'256;  // less 2Gi, 2Gi and 500Mi of the seed example
constexpr int64_t kEnforcedKi = kCapacityKi - 2 * (2 << 20);

kubelet::Quantity Amount(std::string_view text) { return *kubelet::Quantity::Parse(text); }

kubelet::KubeletConfiguration Reserving() {
  kubelet::KubeletConfiguration config;
  config.system_reserved = {{"cpu", Amount("1")}, {"memory", Amount("2Gi")}};
  config.kube_reserved = {{"cpu", Amount("1")}, {"memory", Amount("2Gi")}};
  config.eviction_hard = {{"memory.available", "500Mi"}};
  return config;
}

// kubepods of a node with 48 CPUs and 263192560Ki, planted and read back
Result<results::Arm> MeasureFormula(ArmContext& context) {
  const bool is_protected = context.Protected();
  const kubelet::KubeletConfiguration config =
      is_protected ? Reserving() : kubelet::KubeletConfiguration{};
  kubelet::NodeSpec node = kubelet::SimpleNode(48, kCapacityKi << 10);
  node.pid_max = 32'768;
  kubelet::PlanOptions options;
  options.driver = context.environment().driver;
  const kubelet::Plan plan = TRY(kubelet::MakePlan(node, config, {}, options));
  const capsule::Tree tree = TRY(context.Plant(node, config, {}));
  const cgroup::Cgroup& slice = *TRY(tree.NodeSlice());
  const auto allocatable = [&](std::string_view resource) {
    return kubelet::Amount(plan.allocatable, resource);
  };
  results::Arm arm = DescribedArm(
      tree, is_protected ? "2 CPUs and 4Gi reserved, hard threshold 500Mi" : "nothing reserved");
  arm.checks = {
      CountIs("memory that pods may request (KiB)", kAllocatableKi,
              allocatable(kubelet::kMemory).Value() >> 10),
      CountIs("CPUs that pods may request", 46, allocatable(kubelet::kCpu).Value()),
      CountIs("memory.max of kubepods, as the kernel holds it (KiB)", kEnforcedKi,
              TRY(cgroup::ReadNumber(slice, "memory.max")) >> 10),
      // 46 x 1024 shares: 1 + (47104 - 2) x 9999 / 262142.
      CountIs("cpu.weight of kubepods", 1797, TRY(cgroup::ReadNumber(slice, "cpu.weight"))),
      CountIs("pids.max of kubepods", 32'768, TRY(cgroup::ReadNumber(slice, "pids.max")))};
  return arm;
}

constexpr Bytes kPods = MiB(128);
constexpr Bytes kEach = MiB(96);
constexpr Bytes kSystem = MiB(48);

// node 256M ─┬─ system         a process that holds 48M
//            └─ kubepods 128M ─┬─ besteffort ── a   a hog that wants 96M
//                              └─ besteffort ── b   another
struct Contest {
  Bytes most{0};  // memory.current of kubepods, of all looks
  int64_t kills = 0;
  int64_t system_kills = 0;
  bool system_lives = false;
  Bytes touched{0};
};

Result<Contest> RunContest(ArmContext& context, const capsule::Tree& tree) {
  const cgroup::Cgroup& slice = *TRY(tree.NodeSlice());
  const cgroup::Cgroup& system = *TRY(tree.SystemSlice());
  stress::AnonHog holder = TRY(stress::AnonHog::Start(
      {.name = "system", .group = &system, .target = kSystem, .oom_score_adj = 1000}));
  TRY(holder.AwaitFull(context.patience()));
  std::vector<stress::AnonHog> hogs;
  for (const char* pod : {"a", "b"}) {
    hogs.push_back(TRY(stress::AnonHog::Start({.name = pod,
                                               .group = TRY(tree.Container(pod, "main")),
                                               .target = kEach,
                                               .oom_score_adj = 500})));
  }
  Contest contest;
  TRY(Await(context, "the hogs' end", [&]() -> Result<bool> {
    contest.most = std::max(contest.most, Bytes{TRY(cgroup::ReadNumber(slice, "memory.current"))});
    bool over = true;
    for (stress::AnonHog& hog : hogs) {
      over = over && (hog.Touched() >= kEach || !TRY(hog.Running()));
    }
    return over;
  }));
  for (const stress::AnonHog& hog : hogs) contest.touched = contest.touched + hog.Touched();
  contest.kills = TRY(Counter(slice, "memory.events", "oom_kill"));
  contest.system_kills = TRY(Counter(system, "memory.events", "oom_kill"));
  contest.system_lives = TRY(holder.Running()) && contest.system_kills == 0;
  return contest;
}

Result<capsule::Tree> PlantContest(ArmContext& context, Bytes limit, Bytes node) {
  const auto edit = [&](kubelet::Plan& plan) {
    return SetOnNodeSlice(plan, "memory.max", fmt::format("{}", limit.value));
  };
  return context.Plant(MemoryNode(), {}, {MakePod("a", {{}}), MakePod("b", {{}})}, edit,
                       {.memory = node});
}

Result<results::Arm> MeasureEnforced(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(PlantContest(context, is_protected ? kPods : GiB(8), MiB(320)));
  const Contest contest = TRY(RunContest(context, tree));
  results::Arm arm =
      DescribedArm(tree, is_protected ? "kubepods has 128M" : "kubepods has the node's capacity");
  arm.checks = {
      BytesAtMost("memory.current of kubepods, most of all looks", kPods, contest.most,
                  ChargeBatches(context)),
      measure::ExactCheck("oom_kill in kubepods", {1, results::Relation::kAtLeast, 0, "count"},
                          static_cast<double>(contest.kills))};
  arm.load = {BytesDone("two hogs", kPods - KernelShare(context, kPods), contest.touched)};
  return arm;
}

Result<results::Arm> MeasureSystemKeeps(ArmContext& context) {
  const bool is_protected = context.Protected();
  // In the control arm the hogs and the node's process do not fit the node.
  const capsule::Tree tree = TRY(PlantContest(context, is_protected ? kPods : GiB(8), MiB(192)));
  const Contest contest = TRY(RunContest(context, tree));
  results::Arm arm = DescribedArm(
      tree, is_protected ? "kubepods has 128M of 192M" : "kubepods has the node's capacity");
  arm.checks = {
      CountIs("oom_kill in system.slice", 0, contest.system_kills),
      CountIs("processes of the node that live", 1, contest.system_lives),
      measure::ExactCheck("oom_kill in kubepods", {1, results::Relation::kAtLeast, 0, "count"},
                          static_cast<double>(contest.kills))};
  arm.load = {BytesDone("two hogs", kPods - KernelShare(context, kPods), contest.touched)};
  return arm;
}

}  // namespace

Claim AllocatableFormula() {
  return {
      .id = "allocatable.formula",
      .statement =
          "What pods may request is capacity less reservations and hard threshold; what "
          "kubepods is held to is capacity less reservations.",
      .source = "pkg/kubelet/cm/node_container_manager_linux.go, v1.36",
      .needs = {.controllers = kMemoryControllers},
      .explanation =
          {.tree = "kubepods of a node with 48 CPUs and 263192560Ki",
           .load =
               "None: the tree is planted and read back. kubeReserved and systemReserved have 1 "
               "CPU and 2Gi each, memory.available's hard threshold is 500Mi.",
           .expected =
               "46 CPUs and 258486256Ki for pods. kubepods: memory.max 258998256Ki, cpu.weight "
               "1797, pids.max 32768, as the kernel holds them.",
           .tolerance = "None: whole numbers.",
           .control = "Nothing is reserved, default thresholds."},
      .measure = MeasureFormula};
}

Claim AllocatableEnforced() {
  return {
      .id = "allocatable.enforced",
      .statement =
          "Pods together never hold more than kubepods' memory.max, whatever each may have.",
      .source =
          "pkg/kubelet/cm/node_container_manager_linux.go, v1.36 (enforceNodeAllocatable: pods)",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(512)},
      .explanation =
          {.tree = "node 320M ─┬─ system.slice\n"
                   "           └─ kubepods 128M ── besteffort ─┬─ pod a\n"
                   "                                           └─ pod b",
           .load = "A hog of 96M in a and in b, at the same time.",
           .expected = "memory.current of kubepods is never above 128M, and a hog is OOM-killed.",
           .tolerance =
               "A charge of 64 pages that does not fit is counted for a moment before it is "
               "taken back, one a CPU.",
           .control = "kubepods is held to the node's capacity: both get their 96M."},
      .measure = MeasureEnforced};
}

Claim AllocatableSystemKeepsItsPart() {
  return {
      .id = "allocatable.system-keeps-its-part",
      .statement =
          "While pods overrun their part, a process in system.slice with the worst score "
          "keeps its memory.",
      .source = "pkg/kubelet/cm/node_container_manager_linux.go, v1.36",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "node 192M ─┬─ system.slice     a process of 48M, oom_score_adj 1000\n"
                   "           └─ kubepods 128M ── besteffort ─┬─ pod a\n"
                   "                                           └─ pod b",
           .load = "A hog of 96M in a and in b, oom_score_adj 500, at the same time.",
           .expected =
               "They are OOM-killed inside kubepods; the node's process lives, although its "
               "score is worse than theirs.",
           .tolerance = "Kills are counted: none.",
           .control = "kubepods is held to the node's capacity: the node runs out, and the node's "
                      "process is killed."},
      .measure = MeasureSystemKeeps};
}

}  // namespace nodeproof::conformance
