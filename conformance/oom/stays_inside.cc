// A container's OOM kill happens inside it.
#include "conformance/memory/steps.h"
#include "conformance/oom/oom_claims.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kLimit = MiB(64);
constexpr Bytes kTarget = MiB(96);
constexpr Bytes kNeighbours = MiB(96);

// kubepods 176M ─┬─ burstable ── pod     memory.max 64M    a hog that wants 96M, adj 0
//                └─ besteffort ── big    a process that holds 96M, adj 1000: the best victim
Result<results::Arm> MeasureStaysInside(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    TRY(SetOnNodeSlice(plan, "memory.max", fmt::format("{}", MiB(176).value)));
    // Without its own limit the hog runs into that of kubepods.
    return is_protected ? Status() : SetOnPod(plan, "pod", "memory.max", "max");
  };
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;  // one kill, one process
  const kubelet::Pod pod = MakePod("pod", {{.memory_request = "32Mi", .memory_limit = "64Mi"}});
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), config, {pod, MakePod("big", {{}})}, edit));
  stress::AnonHog big = TRY(stress::AnonHog::Start({.name = "big",
                                                    .group = TRY(tree.Container("big", "main")),
                                                    .target = kNeighbours,
                                                    .oom_score_adj = 1000}));
  TRY(big.AwaitFull(context.patience()));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  stress::AnonHog hog =
      TRY(stress::AnonHog::Start({.group = &group, .target = kTarget, .oom_score_adj = 0}));
  // Killed is who is counted so: to end, a victim may need long, at the CPU weight of BestEffort.
  const cgroup::Cgroup& neighbour = *TRY(tree.Container("big", "main"));
  const auto kills = [](const cgroup::Cgroup& of) {
    return Counter(of, "memory.events", "oom_kill");
  };
  TRY(Await(context, "the hog's end", [&]() -> Result<bool> {
    return hog.Touched() >= kTarget || TRY(kills(group)) + TRY(kills(neighbour)) > 0;
  }));
  const bool hog_killed =
      TRY(kills(group)) > 0 && TRY(DiedOfKill(hog.process(), context.patience()));

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.max 64M on the hog's container"
                                                     : "the limit is that of kubepods alone");
  arm.checks = {CountIs("oom_kill in memory.events of the neighbour", 0, TRY(kills(neighbour))),
                CountIs("the same of its pod", 0, TRY(kills(*TRY(tree.Pod("big"))))),
                CountIs("the same of the hog's container", 1, TRY(kills(group))),
                CountIs("hogs that ended by SIGKILL", 1, hog_killed),
                CountIs("processes of the neighbour that live", 1, TRY(big.Running()))};
  arm.load = {BytesDone("neighbour", kNeighbours, big.Touched()),
              BytesDone("anon hog", kLimit - KernelShare(context, kLimit), hog.Touched())};
  return arm;
}

}  // namespace

Claim OomStaysInside() {
  return {
      .id = "oom.stays-inside",
      .statement =
          "A container that meets its memory limit kills inside itself, however good a "
          "victim its neighbour is.",
      .source = "mm/memcontrol.c, mem_cgroup_out_of_memory(); mm/oom_kill.c, select_bad_process()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(512)},
      .explanation =
          {.tree = "kubepods 176M ─┬─ burstable ── pod      memory.max 64M\n"
                   "               └─ besteffort ── pod big",
           .load =
               "A process in big holds 96M with oom_score_adj 1000. A hog in pod, with 0, wants "
               "96M.",
           .expected = "The hog is killed at its container's limit; big lives and counts no kill.",
           .tolerance = "Kills are counted: none.",
           .control = "No limit on the pod: kubepods runs out, and big is killed."},
      .measure = MeasureStaysInside};
}

}  // namespace nodeproof::conformance
