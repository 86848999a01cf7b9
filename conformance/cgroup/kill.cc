// cgroup.kill: a whole subtree, while it forks.
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/cgroup/processes.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using Kind = stress::ForkStormOptions::Kind;

// What a killed process may take to end: some milliseconds of CPU time, on a node that may be slow.
constexpr Seconds kEnd{10};
constexpr int64_t kChildren = 24;
constexpr int64_t kRelayed = 50;

// besteffort ─┬─ pod ─┬─ main ── nested ── deeper    a relay of 4: they fork and end, on and on
//             │       ├─ beside                      25 processes at rest
//             │       └─ third                       5 threads of one process, and one that is
//             frozen └─ neighbour                           a process
Result<results::Arm> MeasureKill(ArmContext& context) {
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {},
      {MakePod("pod", {{}, {.name = "beside"}, {.name = "third"}}), MakePod("neighbour", {{}})}));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("pod"));
  if (!pod.Has("cgroup.kill")) {
    return Unsupported("the kernel has no cgroup.kill (5.14; cgroup {})", pod.path());
  }
  const cgroup::Cgroup& third = *TRY(tree.Container("pod", "third"));
  const cgroup::Cgroup nested = TRY(TRY(tree.Container("pod", "main"))->CreateChild("nested"));
  const cgroup::Cgroup deeper = TRY(nested.CreateChild("deeper"));
  const auto pause = []() -> int {
    for (;;) ::pause();
  };
  cgroup::Process neighbour = TRY(cgroup::Process::Spawn(
      {.name = "neighbour", .group = TRY(tree.Container("neighbour", "main"))}, pause));
  cgroup::Process witness =
      TRY(cgroup::Process::Spawn({.name = "witness", .group = &third}, pause));
  stress::ForkStorm relay =
      TRY(stress::ForkStorm::Start({.group = &deeper, .kind = Kind::kRelay, .runners = 4}));
  stress::ForkStorm resting = TRY(stress::ForkStorm::Start(
      {.group = TRY(tree.Container("pod", "beside")), .kind = Kind::kChildren, .most = kChildren}));
  stress::ForkStorm threads =
      TRY(stress::ForkStorm::Start({.group = &third, .kind = Kind::kThreads, .most = 4}));
  TRY(Await(context, "the load", [&]() -> Result<bool> {
    return relay.Births() >= kRelayed && resting.Sated() && threads.Sated();
  }));
  int64_t populated = 0;
  std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod", "besteffort"));
  levels.push_back({"nested", &nested});
  levels.push_back({"deeper", &deeper});
  for (const PodLevel& level : levels) populated += TRY(level.group->Populated());
  TRY(third.Write("cgroup.freeze", "1"));
  const int64_t relayed = relay.Births();
  const int64_t there = TRY(ProcessesBelow(pod));

  const cgroup::Cgroup& killed = context.Protected() ? pod : *TRY(tree.Container("pod", "beside"));
  const Clock& clock = context.clock();
  TRY(killed.Write("cgroup.kill", "1"));
  const Nanoseconds deadline = clock.Now() + std::chrono::duration_cast<Nanoseconds>(kEnd);
  TRY(Await(context, "the end of the pod",
            [&]() -> Result<bool> { return !TRY(killed.Populated()) || clock.Now() > deadline; }));
  const int64_t left = TRY(ProcessesBelow(pod));
  // It leaves its group a little before it can be waited for.
  const bool killed_witness = TRY(DiedOfKill(witness, Seconds(context.Protected() ? 5 : 0)));

  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "cgroup.kill of the pod" : "cgroup.kill of one container");
  arm.checks = {CountIs("processes of the pod that are left", 0, left),
                CountIs("groups above the relay that were populated before (cgroup.events)",
                        static_cast<int64_t>(levels.size()), populated),
                CountIs("processes that ended by SIGKILL", 1, killed_witness),
                CountIs("processes of the neighbour that live", 1, TRY(neighbour.Running()))};
  arm.notes.push_back(fmt::format("{} processes were there when it was written", there));
  arm.load = {{"relay", "births", kRelayed, static_cast<double>(relayed)},
              {"processes to kill", "count", kChildren, static_cast<double>(there)}};
  // What is frozen and was not killed could not end by itself.
  TRY(third.Write("cgroup.freeze", "0"));
  return arm;
}

}  // namespace

Claim CgroupKill() {
  return {
      .id = "cgroup.kill",
      .statement =
          "cgroup.kill ends every process of a subtree, also those that fork meanwhile "
          "and those that are frozen, and no other.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cgroup.kill\"; "
          "tools/testing/selftests/cgroup/test_kill.c",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod pod ─┬─ main ── nested ── deeper\n"
                   "            │           ├─ beside\n"
                   "            │           └─ third\n"
                   "            └─ pod neighbour",
           .load = "In deeper four processes fork and end, their children go on so. 25 processes "
                   "rest in beside; a process with five threads and another one are frozen in "
                   "third; one is in neighbour. Then cgroup.kill of the pod.",
           .expected = "Before, each group from kubepods to deeper is populated, though only "
                       "deeper holds the relay. Then the pod is empty. The process in neighbour "
                       "lives.",
           .tolerance = "Processes are counted: none. They have 10 s to end, which takes each some "
                        "milliseconds.",
           .control = "cgroup.kill of beside alone."},
      .measure = MeasureKill};
}

}  // namespace nodeproof::conformance
