// Groups of dead processes: they can be removed, and are gone when their last process is reaped.
#include <unistd.h>

#include "conformance/cgroup/cgroup_claims.h"
#include "conformance/cgroup/processes.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

constexpr int64_t kGroups = 40;
// What the kernel may take to free a group that nothing holds: two grace periods of RCU and a work
// item each (kernel/cgroup/cgroup.c, css_free_rwork_fn()).
constexpr Nanoseconds kFree = std::chrono::seconds(5);

// besteffort ── pod ── main ── 40 groups, each with a process that has died
Result<results::Arm> MeasureZombies(ArmContext& context) {
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  TRY(main.EnableControllers({"memory", "pids"}));
  std::vector<cgroup::Cgroup> groups;
  std::vector<cgroup::Process> dead;
  for (int64_t i = 0; i < kGroups; ++i) {
    groups.push_back(TRY(main.CreateChild(fmt::format("group-{}", i))));
    dead.push_back(
        TRY(cgroup::Process::Spawn({.name = "dead", .group = &groups.back()}, [] { return 0; })));
  }
  // Dead and not reaped: their groups are empty.
  int64_t empty = 0;
  int64_t removed = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    TRY(Await(context, "the end of a process",
              [&]() -> Result<bool> { return !TRY(dead[i].Running()); }));
    empty += !TRY(groups[i].Populated());
    removed += groups[i].Destroy().has_value();
  }
  const int64_t charged = TRY(cgroup::ReadNumber(main, "pids.current"));
  if (context.Protected()) {
    for (cgroup::Process& process : dead) TRY(process.Wait(context.patience()));
  }
  const auto kept = 2 * static_cast<int64_t>(context.online().size());
  const Clock& clock = context.clock();
  const Nanoseconds deadline = clock.Now() + kFree;
  int64_t dying = kGroups;
  TRY(Await(context, "dead groups to go", [&]() -> Result<bool> {
    dying = TRY(Counter(main, "cgroup.stat", "nr_dying_descendants"));
    return dying <= kept || !context.Protected() || clock.Now() > deadline;
  }));
  const int64_t reaped = TRY(cgroup::ReadNumber(main, "pids.current"));

  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "the dead are reaped" : "the dead stay zombies");
  arm.checks = {
      measure::ExactCheck("nr_dying_descendants after 40 groups",
                          {0, results::Relation::kAtMost, static_cast<double>(kept), "count"},
                          static_cast<double>(dying)),
      CountIs("groups of a zombie that were empty", kGroups, empty),
      CountIs("groups of a zombie that could be removed", kGroups, removed),
      CountIs("pids.current while the dead are zombies", kGroups, charged),
      CountIs("pids.current after they were reaped", 0, reaped)};
  arm.load = {
      {"groups", "count", static_cast<double>(kGroups), static_cast<double>(groups.size())}};
  return arm;
}

}  // namespace

Claim CgroupZombies() {
  return {
      .id = "cgroup.zombies",
      .statement =
          "A group whose processes are dead is empty and can be removed; when they are "
          "reaped it is gone for good.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cgroup.stat\", \"Organizing Processes "
          "and Threads\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ── pod ── main ── 40 groups",
           .load = "A process is born in each group and ends. Each group is removed while its "
                   "process is a zombie; then the zombies are reaped.",
           .expected = "Each group is empty and can be removed. A zombie counts in pids.current of "
                       "main until it is reaped. Then nr_dying_descendants falls to 0 within 5 s.",
           .tolerance = "Two a CPU: each may keep the last group that it charged pages to, and the "
                        "last that it charged objects to, until it charges another.",
           .control = "The zombies stay, and with them their groups."},
      .measure = MeasureZombies};
}

}  // namespace nodeproof::conformance
