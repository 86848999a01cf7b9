// A workload that asked for some near and some far memory: it has both, each where it asked for it,
// also while a neighbour's reclaim demotes whatever it may.
#include <cerrno>

#include "conformance/numa/far_memory.h"
#include "conformance/numa/kernel_setting.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/pods.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

using numa::PlacedMemory;

struct Amounts {
  Bytes local;             // the local part
  int64_t local_limit_mi;  // and what it may be, its process included
  Bytes far;
  int64_t far_limit_mi;
  Bytes beside;   // the neighbour's, cold, on the near node
  Bytes asked;    // to be reclaimed
  Bytes demoted;  // at least half of it
};
constexpr Amounts kAmounts{.local = MiB(24),
                           .local_limit_mi = 32,
                           .far = MiB(48),
                           .far_limit_mi = 64,
                           .beside = MiB(48),
                           .asked = MiB(40),
                           .demoted = MiB(20)};
// QEMU emulates each access to a CXL device's memory: a page takes it a millisecond.
constexpr Amounts kCxlAmounts{.local = MiB(8),
                              .local_limit_mi = 12,
                              .far = MiB(4),
                              .far_limit_mi = 16,
                              .beside = MiB(16),
                              .asked = MiB(12),
                              .demoted = MiB(6)};
constexpr const char* kPod = "split";

// cpuset.mems of both containers, and memory.min of the local one all the way up to kubepods.
Status Guarantee(kubelet::Plan& plan, const FarMemory& far, Bytes local_limit) {
  const auto set = [&](const std::string& path, const char* file, int64_t value) {
    return Override(plan, path, file, fmt::format("{}", value), "set by the claim");
  };
  TRY(set(TRY(PathOfContainer(plan, kPod, "far")), "cpuset.mems", far.far));
  const std::string local = TRY(PathOfContainer(plan, kPod, "local"));
  TRY(set(local, "cpuset.mems", far.near));
  for (std::string path = local; !path.empty(); path = ParentPath(path)) {
    TRY(set(path, "memory.min", local_limit.value));
  }
  return {};
}

// The far tier of the node at hand. What a kernel without one would need is named: no released
// kernel limits a group's memory by node.
Result<FarMemory> FarMemoryHere(const Topology& topology, FarKind kind) {
  auto far = FindFarMemory(topology, kind);
  if (!far && far.error().unsupported) {
    far.error().message += "; nor do its cgroups have memory.node_limitN";
  }
  return far;
}

Result<PlacedMemory> Hold(ArmContext& context, const FarMemory& far, const cgroup::Cgroup& group,
                          std::string name, Bytes amount) {
  PlacedMemory memory = TRY(PlacedMemory::Start(
      {.name = std::move(name), .group = &group, .affinity = far.near_cpus, .amount = amount}));
  TRY(memory.AwaitFull(context.patience()));
  return memory;
}

// kubepods ─┬─ burstable ── pod split ─┬─ local   cpuset.mems near, memory.min   holds less
//           │                          └─ far     cpuset.mems far
//           └─ besteffort ── pod beside           cold memory on the near node
// Most of beside's size is reclaimed of kubepods, demotion on, no swap: it can only go to the far
// tier.
Result<results::Arm> MeasureSplit(ArmContext& context, FarKind kind, const Amounts& amounts) {
  const bool is_protected = context.Protected();
  const FarMemory far = TRY(FarMemoryHere(context.topology(), kind));
  const KernelSetting balancing = TRY(KernelSetting::Set(kBalancing, "0", "CONFIG_NUMA_BALANCING"));
  const KernelSetting demotion =
      TRY(KernelSetting::Set(kDemotion, "true", "demotion, kernel 5.15"));
  const std::string local_limit = fmt::format("{}Mi", amounts.local_limit_mi);
  const std::string far_limit = fmt::format("{}Mi", amounts.far_limit_mi);
  const std::vector<kubelet::Pod> pods = {
      MakePod(kPod, {{.name = "local", .memory_request = local_limit, .memory_limit = local_limit},
                     {.name = "far", .memory_request = far_limit, .memory_limit = far_limit}}),
      MakePod("beside", {{}})};
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, pods, [&](kubelet::Plan& plan) -> Status {
        return is_protected ? Guarantee(plan, far, MiB(amounts.local_limit_mi)) : Status{};
      }));
  const cgroup::Cgroup& kubepods = *TRY(tree.NodeSlice());
  if (!kubepods.Has("memory.reclaim")) {
    return Unsupported("the kernel has no memory.reclaim (5.19)");
  }
  const cgroup::Cgroup& local_group = *TRY(tree.Container(kPod, "local"));
  const cgroup::Cgroup& far_group = *TRY(tree.Container(kPod, "far"));
  PlacedMemory local = TRY(Hold(context, far, local_group, "local part", amounts.local));
  PlacedMemory remote = TRY(Hold(context, far, far_group, "far part", amounts.far));
  PlacedMemory beside =
      TRY(Hold(context, far, *TRY(tree.Container("beside", "main")), "neighbour", amounts.beside));
  const numa::ByNode local_before = TRY(local.Pages());
  const numa::ByNode beside_before = TRY(beside.Pages());

  const int64_t demoted_before = TRY(DemotedPages());
  const auto asked = kubepods.Write("memory.reclaim", fmt::format("{}", amounts.asked.value));
  if (!asked && asked.error().code != EAGAIN) return std::unexpected(asked.error());
  const Bytes demoted = BytesOf(TRY(DemotedPages()) - demoted_before);

  const numa::ByNode local_pages = TRY(local.Pages());
  const numa::ByNode far_pages = TRY(remote.Pages());
  const numa::ByNode local_stat = TRY(numa::ReadNumaStat(local_group, "anon"));
  const numa::ByNode far_stat = TRY(numa::ReadNumaStat(far_group, "anon"));
  results::Arm arm = DescribedArm(
      tree, is_protected ? "cpuset.mems of each part, memory.min of the local one" : "neither");
  arm.checks = {
      BytesAtLeast("local part in near memory", amounts.local,
                   BytesOf(numa::At(local_pages, far.near))),
      BytesAtMost("far part outside far memory", Bytes{0}, BytesOf(Outside(far_pages, far.far))),
      BytesAtLeast("local part in near memory by memory.numa_stat", amounts.local,
                   Bytes{numa::At(local_stat, far.near)}, ChargeBatches(context)),
      BytesAtMost("anon of the far part outside far memory by memory.numa_stat", Bytes{0},
                  Bytes{Outside(far_stat, far.far)}),
      CountIs("pages whose content changed", 0,
              TRY(local.CountSpoiled(context.patience())) +
                  TRY(remote.CountSpoiled(context.patience())))};
  arm.notes.push_back(fmt::format(
      "tiers: {}; local part before: {}, after: {}; far part: {}; neighbour before: {}, after: {}",
      far.tiers, numa::ToString(local_before), numa::ToString(local_pages),
      numa::ToString(far_pages), numa::ToString(beside_before),
      numa::ToString(TRY(beside.Pages()))));
  arm.notes.push_back(local_group.Has(fmt::format("memory.node_limit{}", far.near))
                          ? "the kernel has memory.node_limitN; the claim does not use it"
                          : "no memory.node_limitN: cpuset.mems and memory.min stand in for it");
  arm.load = {Touched(local, amounts.local), Touched(remote, amounts.far),
              Touched(beside, amounts.beside),
              BytesDone("neighbour's memory on the near node", amounts.beside,
                        BytesOf(numa::At(beside_before, far.near))),
              BytesDone("memory that the kernel demoted", amounts.demoted, demoted)};
  return arm;
}

}  // namespace

Claim NumaLocalRemoteLimit() {
  return {
      .id = "numa.local-remote-limit",
      .statement =
          "A pod that asked for near memory for one container and far memory for another keeps the "
          "first near under reclaim, and uses no near memory for the second.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.mems\", \"memory.min\"; "
          "mm/vmscan.c, shrink_node_memcgs() and demote_folio_list()",
      .needs = FarNeeds(FarKind::kAny),
      .explanation =
          {.tree = "kubepods ─┬─ burstable ── pod split ─┬─ local   cpuset.mems near, memory.min "
                   "32M\n"
                   "          │                          └─ far     cpuset.mems far\n"
                   "          └─ besteffort ── pod beside\n"
                   "memory.min 32M on the whole path above local.",
           .load =
               "Processes on the near node's CPUs hold 24M in local, 48M in far and 48M in beside, "
               "none of it touched again. Then 40M are asked for with memory.reclaim of kubepods; "
               "demotion is on and there is no swap.",
           .expected =
               "All 24M of local are in near memory afterwards, none of far's ever were; every "
               "page holds what it held. What is demoted is the neighbour's.",
           .tolerance = "None: pages are counted, by move_pages(2). memory.numa_stat may lack a "
                        "batch of 64 pages a CPU. memory.min is a fourth more than local holds, "
                        "for its process and the kernel's batches: how exact memory.min is other "
                        "claims ask.",
           .control = "No cpuset.mems and no memory.min: reclaim demotes the local part too, and "
                      "what was to be far is near."},
      .measure = [](ArmContext& context) {
        return MeasureSplit(context, FarKind::kAny, kAmounts);
      }};
}

Claim NumaCxlLocalRemoteLimit() {
  return {
      .id = "numa.cxl-local-remote-limit",
      .statement =
          "A pod that asked for near memory for one container and a CXL device's for another keeps "
          "the first near under reclaim, and uses no near memory for the second.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.mems\", \"memory.min\"; "
          "mm/vmscan.c, shrink_node_memcgs() and demote_folio_list(); drivers/dax/kmem.c",
      .needs = FarNeeds(FarKind::kCxl),
      .explanation =
          {.tree = "kubepods ─┬─ burstable ── pod split ─┬─ local   cpuset.mems near, memory.min "
                   "12M\n"
                   "          │                          └─ far     cpuset.mems far\n"
                   "          └─ besteffort ── pod beside\n"
                   "memory.min 12M on the whole path above local.",
           .load =
               "Processes on the near node's CPUs hold 8M in local, 4M in far and 16M in beside, "
               "none of it touched again. Then 12M are asked for with memory.reclaim of kubepods; "
               "demotion is on and there is no swap.",
           .expected =
               "All 8M of local are in near memory afterwards, none of far's ever were; every "
               "page holds what it held. What is demoted is the neighbour's.",
           .tolerance = "None: pages are counted, by move_pages(2). memory.numa_stat may lack a "
                        "batch of 64 pages a CPU. memory.min is half more than local holds, for "
                        "its process and the kernel's batches: how exact memory.min is other "
                        "claims ask.",
           .control = "No cpuset.mems and no memory.min: reclaim demotes the local part too, and "
                      "what was to be far is near."},
      .measure = [](ArmContext& context) {
        return MeasureSplit(context, FarKind::kCxl, kCxlAmounts);
      }};
}

}  // namespace nodeproof::conformance
