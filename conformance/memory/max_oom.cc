// memory.max: what happens at the limit.
#include <signal.h>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kLimit = MiB(200);
constexpr Bytes kTarget = MiB(300);

// burstable ── pod 400M ─┬─ main   memory.max 200M, no swap    a hog that grows to 300M
//                        └─ other  memory.max 200M             nobody
//
// With one container alone its pod would have the same limit and meet it first, being charged for
// the container's kernel objects too.
Result<results::Arm> MeasureOom(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    TRY(Override(plan, TRY(PathOfPod(plan, "pod")), "memory.max", "max", "no limit"));
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "memory.max", "max", "no limit");
  };
  const kubelet::Pod pod =
      MakePod("pod", {{.memory_request = "100Mi", .memory_limit = "200Mi"},
                      {.name = "other", .memory_request = "100Mi", .memory_limit = "200Mi"}});
  // Otherwise the kubelet sets memory.oom.group, and a group kill may count its victim twice.
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, {pod}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));

  stress::AnonHog hog = TRY(stress::AnonHog::Start({.group = &group, .target = kTarget}));
  const Status full = hog.AwaitFull(context.patience());
  if (!full && TRY(hog.Running())) return std::unexpected(full.error());
  bool killed = false;
  if (!full) {
    const cgroup::Exit exit = TRY(hog.Wait(Seconds(1)));
    killed = exit == cgroup::Exit{true, SIGKILL};
    if (!killed) return Fail("the hog ended by itself: {}", exit.ToString());
  }
  results::Arm arm =
      DescribedArm(tree, is_protected ? "memory.max 200M of main, no swap" : "no limit");
  arm.checks = {
      CountIs("processes killed with SIGKILL", 1, killed),
      CountIs("oom_kill in memory.events", 1, TRY(Counter(group, "memory.events", "oom_kill"))),
      BytesAtMost("memory touched, at most", kLimit, hog.Touched()),
      BytesAtLeast("memory touched, at least", kLimit, hog.Touched(),
                   KernelShare(context, kLimit))};
  // Protected: that it came near the limit is what a check says. Control: all of its target.
  arm.load = {BytesDone("anon hog", is_protected ? Bytes{1} : kTarget, hog.Touched())};
  return arm;
}

}  // namespace

Claim MemoryMaxOom() {
  return {
      .id = "memory.max.oom",
      .statement =
          "A process that grows past its container's memory limit is OOM-killed at the "
          "limit.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"memory.max\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(512)},
      .explanation =
          {.tree = "burstable ── pod 400M ─┬─ main   memory.max 200M, memory.swap.max 0,\n"
                   "                       │         memory.oom.group 0\n"
                   "                       └─ other  memory.max 200M, empty",
           .load = "An anonymous-memory hog in main that grows to 300M, page by page.",
           .expected = "It ends by SIGKILL (exit status 137 in a shell) with 200M touched; "
                       "memory.events says oom_kill 1.",
           .tolerance =
               "Kills are counted: none. Memory touched is at most the limit, and less by what the "
               "kernel charges with it: page tables (8 bytes a page), one batch of 64 pages a CPU, "
               "and 1 MiB for the process itself.",
           .control = "No limit: the hog reaches 300M and lives."},
      .measure = MeasureOom};
}

}  // namespace nodeproof::conformance
