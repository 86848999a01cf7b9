// memory.oom.group: what dies with a container that meets its limit.
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kTarget = MiB(96);  // the limit is 64Mi
constexpr Bytes kSmall = MiB(1);

// burstable ── pod ─┬─ main     memory.max 64M, memory.oom.group 1    a hog and a small process
//                   └─ sidecar                                        a small process
Result<results::Arm> MeasureGroup(ArmContext& context) {
  const bool is_protected = context.Protected();
  const kubelet::Pod pod =
      MakePod("pod", {{.memory_request = "32Mi", .memory_limit = "64Mi"},
                      {.name = "sidecar", .memory_request = "32Mi", .memory_limit = "64Mi"}});
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = !is_protected;
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, {pod}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));

  stress::AnonHog sidecar = TRY(stress::AnonHog::Start(
      {.name = "sidecar", .group = TRY(tree.Container("pod", "sidecar")), .target = kSmall}));
  stress::AnonHog beside =
      TRY(stress::AnonHog::Start({.name = "beside", .group = &main, .target = kSmall}));
  TRY(sidecar.AwaitFull(context.patience()));
  TRY(beside.AwaitFull(context.patience()));
  stress::AnonHog hog = TRY(stress::AnonHog::Start({.group = &main, .target = kTarget}));
  const bool killed_hog = TRY(KilledBefore(context, hog, kTarget));
  if (is_protected) (void)TRY(DiedOfKill(beside.process(), Seconds(5)));
  const bool killed_beside = !TRY(beside.Running());

  results::Arm arm = DescribedArm(tree, fmt::format("memory.oom.group {}", is_protected ? 1 : 0));
  arm.checks = {
      CountIs("processes of the container that were killed", 2, killed_hog + killed_beside),
      CountIs("oom_group_kill in memory.events", 1,
              TRY(Counter(main, "memory.events", "oom_group_kill"))),
      CountIs("processes of the sidecar that were killed", 0, !TRY(sidecar.Running()))};
  arm.load = {BytesDone("anon hog", MiB(32), hog.Touched())};
  return arm;
}

}  // namespace

Claim MemoryMaxGroup() {
  return {
      .id = "memory.max.group",
      .statement =
          "With memory.oom.group a container that meets its memory limit dies whole, and only it.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.oom.group\"; kubelet 1.28 "
          "(memory.oom.group 1 by default), 1.32 (singleProcessOOMKill)",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "burstable ── pod ─┬─ main     memory.max 64M, memory.oom.group 1\n"
                   "                  └─ sidecar  memory.max 64M, memory.oom.group 1",
           .load = "A small process in main and in sidecar; then a hog in main that grows to 96M.",
           .expected = "Both processes of main end by SIGKILL, memory.events of main says "
                       "oom_group_kill 1, the sidecar's process lives.",
           .tolerance = "Kills are counted: none.",
           .control = "memory.oom.group 0 (singleProcessOOMKill): the small process lives."},
      .measure = MeasureGroup};
}

}  // namespace nodeproof::conformance
