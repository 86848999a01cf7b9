// What a far tier of memory is for: cold pages go there before they go to swap, hot ones come back.
// Demotion is asked of two kinds of far memory, which kernels rank by different sources.
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

// Memory that is held near, and how much of it is to leave.
struct Amounts {
  Bytes held;
  Bytes asked;  // to be reclaimed
  Bytes least;  // of that, from the near node
};
constexpr Amounts kAmounts{MiB(48), MiB(24), MiB(12)};
// QEMU emulates each access to a CXL device's memory: a page takes it a millisecond.
constexpr Amounts kCxlAmounts{MiB(16), MiB(8), MiB(4)};

// What one round of reclaim takes at least (SWAP_CLUSTER_MAX pages).
constexpr Bytes kReclaimBatch{32 * 4096};

// Swap for the pod: the plan gives it none.
Status AllowSwap(kubelet::Plan& plan) { return SetOnPod(plan, "pod", "memory.swap.max", "max"); }

// besteffort ── pod ── main   holds memory on a near node; half of it is reclaimed; 64M of swap
Result<results::Arm> MeasureDemotion(ArmContext& context, FarKind kind, const Amounts& amounts) {
  const bool is_protected = context.Protected();
  const FarMemory far = TRY(FindFarMemory(context.topology(), kind));
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
      {.name = "holder", .group = &group, .affinity = far.near_cpus, .amount = amounts.held}));
  TRY(memory.AwaitFull(context.patience()));
  const numa::ByNode before = TRY(memory.Pages());
  const int64_t demoted_before = TRY(DemotedPages());
  const auto asked = group.Write("memory.reclaim", fmt::format("{}", amounts.asked.value));
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
      BytesAtLeast("memory in the far tier", kReclaimBatch, moved),
      BytesAtLeast("memory in the far tier or swapped out, of what left the near node", left,
                   moved + swapped),
      BytesAtLeast("memory in the far tier by memory.numa_stat", moved,
                   Bytes{numa::At(stat, far.far)}, ChargeBatches(context)),
      CountIs("pages whose content changed", 0, spoiled)};
  arm.notes.push_back(fmt::format("tiers: {}; pages before: {}; after: {}; swapped out: {}",
                                  far.tiers, numa::ToString(before), numa::ToString(after),
                                  FormatBytes(swapped)));
  arm.load = {Touched(memory, amounts.held),
              BytesDone("held on a near node", amounts.asked, BytesOf(numa::At(before, far.near))),
              BytesDone("taken from the near node", amounts.least, left)};
  return arm;
}

// besteffort ── pod ── main   48M bound to the far node at first, then read over and over
Result<results::Arm> MeasurePromotion(ArmContext& context) {
  const bool is_protected = context.Protected();
  const Bytes held = kAmounts.held;
  const FarMemory far = TRY(FindFarMemory(context.topology(), FarKind::kAny));
  const KernelSetting demotion = TRY(KernelSetting::Set(kDemotion, "true", "kernel 5.15"));
  const KernelSetting balancing = TRY(KernelSetting::Set(
      kBalancing, is_protected ? "2" : "0", "CONFIG_NUMA_BALANCING, tiering since 5.18"));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  PlacedMemory memory = TRY(PlacedMemory::Start({.name = "reader",
                                                 .group = &group,
                                                 .affinity = far.near_cpus,
                                                 .amount = held,
                                                 .policy = Policy::kBind,
                                                 .nodes = {far.far},
                                                 .then_free = true}));
  TRY(memory.AwaitFull(context.patience()));
  const numa::ByNode before = TRY(memory.Pages());
  const Nanoseconds deadline = context.clock().Now() + std::chrono::seconds(is_protected ? 30 : 5);
  numa::ByNode after = before;
  int64_t spoiled = 0;
  while (BytesOf(numa::At(after, far.far)) > held - kAmounts.asked &&
         context.clock().Now() < deadline) {
    spoiled += TRY(memory.CountSpoiled(context.patience()));
    after = TRY(memory.Pages());
  }
  results::Arm arm =
      DescribedArm(tree, is_protected ? "numa_balancing 2 (tiering)" : "numa_balancing 0");
  arm.checks = {BytesAtLeast("memory that came back from the far tier within 30 s", kAmounts.asked,
                             held - BytesOf(numa::At(after, far.far))),
                CountIs("pages whose content changed", 0, spoiled)};
  arm.notes.push_back(fmt::format("tiers: {}; pages before: {}; after: {}", far.tiers,
                                  numa::ToString(before), numa::ToString(after)));
  arm.load = {Touched(memory, held),
              BytesDone("held in the far tier", held, BytesOf(numa::At(before, far.far)))};
  return arm;
}

Needs DemotionNeeds(FarKind kind) {
  Needs needs = FarNeeds(kind);
  needs.scratch = true;
  needs.realtime = true;
  needs.why_realtime = "its swap file needs a disk";
  return needs;
}

}  // namespace

Claim NumaFarTier() {
  return {
      .id = "numa.far-tier",
      .statement =
          "Memory of a node without CPUs is a slower tier, and what is reclaimed from a "
          "container goes there before it goes to swap.",
      .source =
          "Documentation/admin-guide/mm/numaperf.rst; mm/vmscan.c, demote_folio_list(); "
          "mm/memory-tiers.c",
      .needs = DemotionNeeds(FarKind::kAny),
      .explanation =
          {.tree = "besteffort ── pod ── main   memory.swap.max max",
           .load =
               "A process holds 48M on a near node, and 64M of swap are on. 24M are asked for with "
               "memory.reclaim.",
           .expected =
               "All that leaves the near node is demoted, and is in the far tier afterwards or was "
               "swapped out from there: reclaim goes over all nodes, and how much it takes of "
               "each is the kernel's choice. memory.numa_stat says the same, and every page holds "
               "what it held.",
           .tolerance = "None: demoted pages are counted in /proc/vmstat, others by move_pages(2). "
                        "In the far tier there is a round of reclaim, 32 pages, at least. "
                        "memory.numa_stat may lack a batch of 64 pages a CPU.",
           .control = "Demotion off: they are swapped out, the far tier stays empty."},
      .measure = [](ArmContext& context) {
        return MeasureDemotion(context, FarKind::kAny, kAmounts);
      }};
}

Claim NumaCxlTier() {
  return {
      .id = "numa.cxl-tier",
      .statement =
          "Memory of a CXL device is a NUMA node without CPUs in a slower tier; what is reclaimed "
          "from a container goes there before it goes to swap, and is accounted there.",
      .source =
          "drivers/dax/kmem.c, dev_dax_kmem_probe(); mm/memory-tiers.c; mm/vmscan.c, "
          "demote_folio_list(); Documentation/admin-guide/cgroup-v2.rst, \"memory.numa_stat\"",
      .needs = DemotionNeeds(FarKind::kCxl),
      .explanation =
          {.tree = "besteffort ── pod ── main   memory.swap.max max",
           .load =
               "A process holds 16M on the near node, and 64M of swap are on. 8M are asked for "
               "with memory.reclaim. In a VM the memory is that of a CXL type 3 device, which the "
               "agent made a region, a namespace and system RAM.",
           .expected =
               "All that leaves the near node is demoted, and is in the device's memory afterwards "
               "or was swapped out from there, as reclaim goes over all nodes. memory.numa_stat "
               "says the same, and every page holds what it held.",
           .tolerance = "None: demoted pages are counted in /proc/vmstat, others by move_pages(2). "
                        "In the device's memory there is a round of reclaim, 32 pages, at least. "
                        "memory.numa_stat may lack a batch of 64 pages a CPU.",
           .control = "Demotion off: they are swapped out, the device's memory stays empty."},
      .measure = [](ArmContext& context) {
        return MeasureDemotion(context, FarKind::kCxl, kCxlAmounts);
      }};
}

Claim NumaFarPromotion() {
  return {
      .id = "numa.far-promotion",
      .statement = "Pages in far memory that are in use come back to near memory.",
      .source = "Documentation/admin-guide/sysctl/kernel.rst, \"numa_balancing\"; kernel 5.18",
      .needs = FarNeeds(FarKind::kAny),
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
