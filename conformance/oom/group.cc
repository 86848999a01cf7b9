// memory.oom.group when the limit that was met is an ancestor's.
#include "conformance/memory/steps.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kTarget = MiB(128);
constexpr Bytes kSmall = MiB(1);

// burstable ── pod 96M ─┬─ main    no limit, memory.oom.group 1   a hog and a small process
//                       └─ beside  memory.oom.group 1             a small process
Result<results::Arm> MeasureGroup(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto pods = {
      MakePod("pod", {{.memory_request = "32Mi", .memory_limit = "64Mi"},
                      {.name = "beside", .memory_request = "32Mi", .memory_limit = "32Mi"}})};
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    const std::string main = TRY(PathOfContainer(plan, "pod"));
    TRY(Override(plan, main, "memory.max", "max", "the pod's limit is met first"));
    return Override(plan, main, "memory.oom.group", is_protected ? "1" : "0", "set by the claim");
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, edit));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  stress::AnonHog beside = TRY(stress::AnonHog::Start(
      {.name = "beside", .group = TRY(tree.Container("pod", "beside")), .target = kSmall}));
  stress::AnonHog small =
      TRY(stress::AnonHog::Start({.name = "small", .group = &main, .target = kSmall}));
  TRY(beside.AwaitFull(context.patience()));
  TRY(small.AwaitFull(context.patience()));
  stress::AnonHog hog = TRY(stress::AnonHog::Start({.group = &main, .target = kTarget}));
  const bool hog_killed = TRY(KilledBefore(context, hog, kTarget));
  if (is_protected) (void)TRY(DiedOfKill(small.process(), Seconds(5)));
  const bool small_killed = !TRY(small.Running());

  results::Arm arm =
      DescribedArm(tree, fmt::format("memory.oom.group {} of main", is_protected ? 1 : 0));
  arm.checks = {
      CountIs("processes of main that were killed", 2, hog_killed + small_killed),
      CountIs("processes of the other container that were killed", 0, !TRY(beside.Running())),
      CountIs("oom_group_kill in memory.events of main", 1,
              TRY(Counter(main, "memory.events", "oom_group_kill"))),
      CountIs("oom in memory.events.local of the pod", 1,
              TRY(Counter(*TRY(tree.Pod("pod")), "memory.events.local", "oom")))};
  arm.load = {BytesDone("anon hog", MiB(64), hog.Touched())};
  return arm;
}

}  // namespace

Claim OomGroup() {
  return {
      .id = "oom.group",
      .statement =
          "When a pod meets its limit, the victim's container dies whole and the other "
          "container lives.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.oom.group\"; mm/memcontrol.c, "
          "mem_cgroup_get_oom_group()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "burstable ── pod 96M ─┬─ main    no limit of its own, memory.oom.group 1\n"
                   "                      └─ beside  memory.oom.group 1",
           .load = "A small process in each container; a hog in main that wants 128M.",
           .expected = "At the pod's 96M both processes of main are killed, that of beside lives.",
           .tolerance = "Kills are counted: none.",
           .control = "memory.oom.group 0 of main: its small process lives."},
      .measure = MeasureGroup};
}

}  // namespace nodeproof::conformance
