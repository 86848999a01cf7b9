// What a far tier of memory is for: cold pages go there before they go to swap, hot ones come back.
#include <cerrno>

#include "conformance/numa/far_memory.h"
#include "conformance/numa/kernel_setting.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/swap_file.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;
using numa::Policy;

constexpr Bytes kHeld = MiB(48);
constexpr Bytes kAsked = MiB(24);  // to be reclaimed
constexpr Bytes kLeast = MiB(12);  // of that, from the near node

// Swap for the pod: the plan gives it none.
Status AllowSwap(kubelet::Plan& plan) { return SetOnPod(plan, "pod", "memory.swap.max", "max"); }

// besteffort ── pod ── main   holds 48M on a near node; 24M of them are reclaimed; 64M of swap
Result<results::Arm> MeasureDemotion(ArmContext& context) {
  const bool is_protected = context.Protected();
  const FarMemory far = TRY(FindFarMemory(context.topology()));
  const KernelSetting balancing = TRY(KernelSetting::Set(kBalancing, "0", "CONFIG_NUMA_BALANCING"));
  const KernelSetting demotion =
      TRY(KernelSetting::Set(kDemotion, is_protected ? "true" : "false", "demotion, kernel 5.15"));
  const auto swap = TRY(probe::SwapFile::Make(*context.environment().scratch, MiB(64)));
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, AllowSwap));
  TRY(context.environment().capsule->group().Write("memory.swap.max", "max"));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  if (!group.Has("memory.reclaim")) return Unsupported("the kernel has no memory.reclaim (5.19)");
  PlacedMemory memory = TRY(PlacedMemory::Start(
      {.name = "holder", .group = &group, .affinity = far.near_cpus, .amount = kHeld}));
  TRY(memory.AwaitFull(context.patience()));
  const numa::ByNode before = TRY(memory.Pages());
  const int64_t demoted_before = TRY(DemotedPages());
  const auto asked = group.Write("memory.reclaim", fmt::format("{}", kAsked.value));
  if (!asked && asked.error().code != EAGAIN) return std::unexpected(asked.error());
  const Bytes demoted = BytesOf(TRY(DemotedPages()) - demoted_before);
  const numa::ByNode after = TRY(memory.Pages());
  const Bytes swapped{TRY(cgroup::ReadNumber(group, "memory.swap.current"))};
  const numa::ByNode stat = TRY(numa::ReadNumaStat(group, "anon"));
  const int64_t spoiled = TRY(memory.CountSpoiled(context.patience()));

  results::Arm arm = DescribedArm(tree, is_protected ? "demotion on" : "demotion off");
  const Bytes moved = BytesOf(numa::At(after, far.far));
  const Bytes left = BytesOf(numa::At(before, far.near) - numa::At(after, far.near));
  arm.checks = {
      BytesAtLeast("memory that the kernel demoted, of what left the near node", left, demoted),
      BytesAtLeast("memory in the far tier", Bytes{left.value / 2}, moved),
      BytesAtLeast("memory in the far tier by memory.numa_stat", moved,
                   Bytes{numa::At(stat, far.far)}, ChargeBatches(context)),
      CountIs("pages whose content changed", 0, spoiled)};
  arm.notes.push_back(fmt::format("tiers: {}; pages before: {}; after: {}; swapped out: {}",
                                  far.tiers, numa::ToString(before), numa::ToString(after),
                                  FormatBytes(swapped)));
  arm.load = {Touched(memory, kHeld),
              BytesDone("held on a near node", kAsked, BytesOf(numa::At(before, far.near))),
              BytesDone("taken from the near node", kLeast, left)};
  return arm;
}

// besteffort ── pod ── main   48M bound to the far node at first, then read over and over
Result<results::Arm> MeasurePromotion(ArmContext& context) {
  const bool is_protected = context.Protected();
  const FarMemory far = TRY(FindFarMemory(context.topology()));
  const KernelSetting demotion = TRY(KernelSetting::Set(kDemotion, "true", "kernel 5.15"));
  const KernelSetting balancing = TRY(KernelSetting::Set(
      kBalancing, is_protected ? "2" : "0", "CONFIG_NUMA_BALANCING, tiering since 5.18"));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  PlacedMemory memory = TRY(PlacedMemory::Start({.name = "reader",
                                                 .group = &group,
                                                 .affinity = far.near_cpus,
                                                 .amount = kHeld,
                                                 .policy = Policy::kBind,
                                                 .nodes = {far.far},
                                                 .then_free = true}));
  TRY(memory.AwaitFull(context.patience()));
  const numa::ByNode before = TRY(memory.Pages());
  const Nanoseconds deadline = context.clock().Now() + std::chrono::seconds(is_protected ? 30 : 5);
  numa::ByNode after = before;
  int64_t spoiled = 0;
  while (BytesOf(numa::At(after, far.far)) > kHeld - kAsked && context.clock().Now() < deadline) {
    spoiled += TRY(memory.CountSpoiled(context.patience()));
    after = TRY(memory.Pages());
  }
  results::Arm arm =
      DescribedArm(tree, is_protected ? "numa_balancing 2 (tiering)" : "numa_balancing 0");
  arm.checks = {BytesAtLeast("memory that came back from the far tier within 30 s", kAsked,
                             kHeld - BytesOf(numa::At(after, far.far))),
                CountIs("pages whose content changed", 0, spoiled)};
  arm.notes.push_back(fmt::format("tiers: {}; pages before: {}; after: {}", far.tiers,
                                  numa::ToString(before), numa::ToString(after)));
  arm.load = {Touched(memory, kHeld),
              BytesDone("held in the far tier", kHeld, BytesOf(numa::At(before, far.far)))};
  return arm;
}

}  // namespace

Claim NumaFarTier() {
  Needs needs = FarNeeds();
  needs.scratch = true;
  needs.realtime = true;
  needs.why_realtime = "its swap file needs a disk";
  return {
      .id = "numa.far-tier",
      .statement =
          "Memory of a node without CPUs is a slower tier, and what is reclaimed from a "
          "container goes there before it goes to swap.",
      .source =
          "Documentation/admin-guide/mm/numaperf.rst; mm/vmscan.c, demote_folio_list(); "
          "mm/memory-tiers.c",
      .needs = std::move(needs),
      .explanation =
          {.tree = "besteffort ── pod ── main   memory.swap.max max",
           .load =
               "A process holds 48M on a near node, and 64M of swap are on. 24M are asked for with "
               "memory.reclaim.",
           .expected =
               "All that leaves the near node is demoted, and at least half of it is still in "
               "the far tier afterwards: reclaim goes over all nodes, so some of what just "
               "came there is swapped out from there. memory.numa_stat says the same, and "
               "every page holds what it held.",
           .tolerance = "None: demoted pages are counted in /proc/vmstat, others by move_pages(2). "
                        "memory.numa_stat may lack a batch of 64 pages a CPU.",
           .control = "Demotion off: they are swapped out, the far tier stays empty."},
      .measure = MeasureDemotion};
}

Claim NumaFarPromotion() {
  return {
      .id = "numa.far-promotion",
      .statement = "Pages in far memory that are in use come back to near memory.",
      .source = "Documentation/admin-guide/sysctl/kernel.rst, \"numa_balancing\"; kernel 5.18",
      .needs = FarNeeds(),
      .explanation =
          {.tree = "besteffort ── pod ── main",
           .load = "A process has 48M in far memory, then takes its binding back and reads them "
                   "over and "
                   "over on a near node's CPUs.",
           .expected = "Half of them are near within 30 s: the kernel looks at 256M a scan, a scan "
                       "lasts a second, and promotes what is used again within a second.",
           .tolerance = "None: pages are counted, and the scans take a few seconds.",
           .control = "NUMA balancing off, for 5 s: nothing moves."},
      .measure = MeasurePromotion};
}

}  // namespace nodeproof::conformance
