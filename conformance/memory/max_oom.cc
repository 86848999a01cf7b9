// memory.max: what happens at the limit.
#include <signal.h>
#include <unistd.h>

#include "conformance/arm_context.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/stress/anon_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Bytes kLimit = MiB(200);
constexpr Bytes kTarget = MiB(300);

// How far below the limit the hog's own pages can end: the rest is what the kernel charges with
// them. Page tables take 8 bytes a page, each CPU may hold a batch of 64 charged pages, and 1 MiB
// is for the process itself (its stack, page directory and kernel objects).
Bytes KernelShare(size_t cpus) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  return Bytes{kLimit.value / page * 8 + 64 * page * static_cast<int64_t>(cpus)} + MiB(1);
}

// kubepods ── burstable ── pod ── main  memory.max 200M, no swap    a hog that grows to 300M
Result<results::Arm> MeasureOom(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    TRY(Override(plan, TRY(PathOfPod(plan, "pod")), "memory.max", "max", "no limit"));
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "memory.max", "max", "no limit");
  };
  const kubelet::Pod pod = MakePod("pod", {{.memory_request = "100Mi", .memory_limit = "200Mi"}});
  // Otherwise the kubelet sets memory.oom.group, and a group kill may count its victim twice.
  kubelet::KubeletConfiguration config;
  config.single_process_oom_kill = true;
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), config, {pod}, edit));
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
  const cgroup::KeyedCounters events = TRY(cgroup::ReadKeyed(group, "memory.events"));
  const auto touched = static_cast<double>(hog.Touched().value);
  const auto limit = static_cast<double>(kLimit.value);
  const auto kernel_share = static_cast<double>(KernelShare(context.online().size()).value);

  results::Arm arm;
  arm.description = is_protected ? "memory.max 200M, no swap" : "no limit";
  arm.checks = {measure::ExactCheck("processes killed with SIGKILL",
                                    {1, Relation::kWithin, 0, "count"}, killed),
                measure::ExactCheck("oom_kill in memory.events", {1, Relation::kWithin, 0, "count"},
                                    static_cast<double>(events.Get("oom_kill"))),
                measure::ExactCheck("memory touched, at most",
                                    {limit, Relation::kAtMost, 0, "bytes"}, touched),
                measure::ExactCheck("memory touched, at least",
                                    {limit, Relation::kAtLeast, kernel_share, "bytes"}, touched)};
  arm.notes = tree.discrepancies();
  arm.tree = tree.entries();
  // Protected: it must have come near the limit to be killed by it. Control: all of its target.
  arm.load = {
      {"anon hog", "bytes", is_protected ? 1 : static_cast<double>(kTarget.value), touched}};
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
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}, .memory = MiB(512)},
      .explanation =
          {.tree = "kubepods ── burstable ── pod ── main  memory.max 200M, memory.swap.max 0,\n"
                   "                                              memory.oom.group 0",
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
