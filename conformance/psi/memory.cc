// memory.pressure of a group above its memory.high, and the silence of its sibling.
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/psi/psi_claims.h"
#include "conformance/psi/stall_stretch.h"
#include "harness/measure/estimate.h"
#include "harness/stress/anon_hog.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Bytes kHigh = MiB(16);
constexpr Bytes kTarget = MiB(48);
// A twelfth over its limit a task sleeps 64 (1/12)^2 s = 0.4 s for every batch of 64 pages, and so
// runs for a few hundredths of the time at the most: what it did not run is nearly all of it, and a
// tenth of that shows. At once after the limit it would run for a fifth of the time, reclaiming,
// which may count as a stall and need not.
constexpr Bytes kOver{kHigh.value / 12};
constexpr Nanoseconds kWatch = std::chrono::seconds(1);

Status AwaitUsage(const ArmContext& context, const cgroup::Cgroup& group, Bytes usage = kHigh) {
  return Await(context, "usage at memory.high", [&]() -> Result<bool> {
    return Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))} >= usage;
  });
}

// kubepods ── besteffort ── pod  memory.high 16M ── main      a hog that wants 48M
Result<results::Arm> MeasureMemory(ArmContext& context) {
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!context.Protected()) return {};
    return SetOnPod(plan, "pod", "memory.high", fmt::format("{}", kHigh.value));
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, edit));
  const std::vector<PodLevel> levels = TRY(LevelsOf(tree, "pod", "besteffort"));
  const cgroup::Cgroup& group = *levels[0].group;
  TRY(RequirePressureFile(group, "memory.pressure"));
  // On one CPU: PSI takes the mean of what CPUs saw, by how long each was in use.
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = &group, .target = kTarget, .affinity = CpuSet{context.QuietCpu()}}));
  TRY(AwaitUsage(context, group, kHigh + kOver));

  std::vector<StallStretch::File> files;
  for (const PodLevel& level : levels) files.push_back({level.group, "memory.pressure"});
  StallStretch stretch(context.clock(), {[&] { return hog.process().CpuTime(); }}, files);
  TRY(stretch.Begin());
  context.clock().WaitUntil(context.clock().Now() + kWatch);
  const Growth growth = TRY(stretch.Read());
  const Nanoseconds slept = growth.wall - growth.ran[0];

  results::Arm arm = DescribedArm(tree, context.Protected() ? "memory.high 16M" : "no memory.high");
  arm.checks = {PartIs("time that all tasks of the container stalled (PSI full)", growth,
                       Relation::kAtLeast, growth.wall / 4, growth.pressure[0].full_total)};
  for (size_t i = 0; i < levels.size(); ++i) {
    const cgroup::Pressure& pressure = growth.pressure[i];
    // All that it does not run it sleeps over its limit; while it runs it may reclaim.
    arm.checks.push_back(PartIs(fmt::format("`full` of {}", levels[i].name), growth,
                                Relation::kAtLeast, slept, pressure.full_total));
    arm.checks.push_back(PartIs(fmt::format("`some` of {}, less `full`", levels[i].name), growth,
                                Relation::kWithin, {}, pressure.some_total - pressure.full_total));
    arm.checks.push_back(PartIs(fmt::format("`some` of {}, at most", levels[i].name), growth,
                                Relation::kAtMost, growth.wall, pressure.some_total));
  }
  arm.load = {BytesDone("anon hog", kHigh - KernelShare(context, kHigh), hog.Touched())};
  return arm;
}

// besteffort ─┬─ noisy   memory.high 16M, 20000 / 100000      an anonymous hog and a CPU hog
//             └─ idle                                         a process that sleeps
Result<results::Arm> MeasureQuiet(ArmContext& context) {
  const auto edit = [](kubelet::Plan& plan) -> Status {
    TRY(SetOnPod(plan, "noisy", "memory.high", fmt::format("{}", kHigh.value)));
    return SetOnPod(plan, "noisy", "cpu.max", "20000 100000");
  };
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("noisy", {{}}), MakePod("idle", {{}})}, edit));
  const cgroup::Cgroup& noisy = *TRY(tree.Container("noisy", "main"));
  const cgroup::Cgroup& idle = *TRY(tree.Container("idle", "main"));
  TRY(RequirePressureFile(idle, "cpu.pressure"));
  stress::AnonHog sleeper =
      TRY(stress::AnonHog::Start({.name = "sleeper", .group = &idle, .target = MiB(1)}));
  TRY(sleeper.AwaitFull(context.patience()));
  stress::AnonHog memory = TRY(stress::AnonHog::Start({.group = &noisy, .target = kTarget}));
  TRY(AwaitUsage(context, noisy));
  // In the control arm the CPU hog is in the other group.
  std::vector<stress::CpuHog> hogs;
  for (int i = 0; i < 2; ++i) {
    hogs.push_back(TRY(stress::CpuHog::Start(
        {.group = context.Protected() ? &noisy : &idle, .affinity = CpuSet{context.QuietCpu()}})));
  }
  for (stress::CpuHog& hog : hogs) TRY(hog.AwaitReady(context.patience()));

  const std::vector<StallStretch::File> files = {{&idle, "cpu.pressure"},
                                                 {&idle, "memory.pressure"},
                                                 {&idle, "io.pressure"},
                                                 {TRY(tree.Pod("idle")), "cpu.pressure"},
                                                 {TRY(tree.Pod("idle")), "memory.pressure"},
                                                 {&noisy, "cpu.pressure"}};
  StallStretch stretch(context.clock(), {}, files);
  TRY(stretch.Begin());
  context.clock().WaitUntil(context.clock().Now() + kWatch / 2);
  const Growth growth = TRY(stretch.Read());

  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "stalls in the sibling" : "two CPU hogs in the group itself");
  for (size_t i = 0; i + 1 < files.size(); ++i) {
    arm.checks.push_back(CountIs(
        fmt::format("`some` of {} of the {} (usec)", files[i].name, i < 3 ? "container" : "pod"), 0,
        growth.pressure[i].some_total.count()));
  }
  arm.load = {{"hogs", "rounds", 1, static_cast<double>(hogs[0].Work())}};
  if (context.Protected()) {
    arm.load.push_back({"stall of the sibling", "usec", 100'000,
                        static_cast<double>(growth.pressure.back().some_total.count())});
  }
  return arm;
}

}  // namespace

Claim PsiMemory() {
  return {
      .id = "psi.memory",
      .statement =
          "All that a task is held up for memory shows in memory.pressure of its group "
          "and of each group above it.",
      .source =
          "Documentation/accounting/psi.rst; mm/memcontrol.c, "
          "mem_cgroup_handle_over_high()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "kubepods ── besteffort ── pod  memory.high 16M ── main",
           .load = "A hog that wants 48M, pinned and alone in the tree, watched for 1 s from when "
                   "usage is a twelfth above 16M: there it sleeps 0.4 s for a batch of 64 pages.",
           .expected = "`full` of the container is a quarter of the time or more. At every level "
                       "`full` is at least what the hog did not run, by its own CPU time, and "
                       "`some` is the same: it is alone.",
           .tolerance = "A quarter leaves room for a node that takes longer for a batch of 64 "
                        "pages than the hog sleeps for it. The rest: a tick "
                        "(4 ms) at either end, until which what runs may not be charged, and what "
                        "lies between the readings there.",
           .control = "No memory.high: no stall."},
      .measure = MeasureMemory};
}

Claim PsiIdleSiblingQuiet() {
  return {
      .id = "psi.idle-sibling-quiet",
      .statement = "Stalls of a group do not show in the pressure of its sibling.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.pressure\"; "
          "Documentation/accounting/psi.rst",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod noisy   memory.high 16M, cpu.max 20000 100000\n"
                   "            └─ pod idle",
           .load = "In noisy a hog that wants 48M and two CPU hogs, watched for 0.5 s; a process "
                   "that sleeps in idle.",
           .expected = "`some` of cpu.pressure, memory.pressure and io.pressure of idle does not "
                       "grow; that of cpu.pressure of noisy grows by 100 ms or more.",
           .tolerance = "None: nothing of idle wants to run.",
           .control = "Both CPU hogs are in idle, on one CPU: they wait for each other."},
      .measure = MeasureQuiet};
}

}  // namespace nodeproof::conformance
