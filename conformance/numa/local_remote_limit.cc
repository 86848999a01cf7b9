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

constexpr Bytes kLocal = MiB(24);       // the local part
constexpr Bytes kLocalLimit = MiB(32);  // and what it may be, its process included
constexpr Bytes kFar = MiB(48);
constexpr Bytes kBeside = MiB(48);   // the neighbour's, cold, on the near node
constexpr Bytes kAsked = MiB(40);    // to be reclaimed
constexpr Bytes kDemoted = MiB(20);  // at least half of it
constexpr const char* kPod = "split";

// cpuset.mems of both containers, and memory.min of the local one all the way up to kubepods.
Status Guarantee(kubelet::Plan& plan, const FarMemory& far) {
  const auto set = [&](const std::string& path, const char* file, int64_t value) {
    return Override(plan, path, file, fmt::format("{}", value), "set by the claim");
  };
  TRY(set(TRY(PathOfContainer(plan, kPod, "far")), "cpuset.mems", far.far));
  const std::string local = TRY(PathOfContainer(plan, kPod, "local"));
  TRY(set(local, "cpuset.mems", far.near));
  for (std::string path = local; !path.empty(); path = ParentPath(path)) {
    TRY(set(path, "memory.min", kLocalLimit.value));
  }
  return {};
}

// The far tier of the node at hand. What a kernel without one would need is named: no released
// kernel limits a group's memory by node.
Result<FarMemory> FarMemoryHere(const Topology& topology) {
  auto far = FindFarMemory(topology);
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

// kubepods ─┬─ burstable ── pod split ─┬─ local   cpuset.mems near, memory.min 32M   holds 24M
//           │                          └─ far     cpuset.mems far                    holds 48M
//           └─ besteffort ── pod beside           48M of cold memory on the near node
// 40M of kubepods are reclaimed, demotion on, no swap: it can only go to the far tier.
Result<results::Arm> MeasureSplit(ArmContext& context) {
  const bool is_protected = context.Protected();
  const FarMemory far = TRY(FarMemoryHere(context.topology()));
  const KernelSetting balancing = TRY(KernelSetting::Set(kBalancing, "0", "CONFIG_NUMA_BALANCING"));
  const KernelSetting demotion =
      TRY(KernelSetting::Set(kDemotion, "true", "demotion, kernel 5.15"));
  const std::vector<kubelet::Pod> pods = {
      MakePod(kPod, {{.name = "local", .memory_request = "32Mi", .memory_limit = "32Mi"},
                     {.name = "far", .memory_request = "64Mi", .memory_limit = "64Mi"}}),
      MakePod("beside", {{}})};
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, pods, [&](kubelet::Plan& plan) -> Status {
        return is_protected ? Guarantee(plan, far) : Status{};
      }));
  const cgroup::Cgroup& kubepods = *TRY(tree.NodeSlice());
  if (!kubepods.Has("memory.reclaim")) {
    return Unsupported("the kernel has no memory.reclaim (5.19)");
  }
  const cgroup::Cgroup& local_group = *TRY(tree.Container(kPod, "local"));
  const cgroup::Cgroup& far_group = *TRY(tree.Container(kPod, "far"));
  PlacedMemory local = TRY(Hold(context, far, local_group, "local part", kLocal));
  PlacedMemory remote = TRY(Hold(context, far, far_group, "far part", kFar));
  PlacedMemory beside =
      TRY(Hold(context, far, *TRY(tree.Container("beside", "main")), "neighbour", kBeside));
  const numa::ByNode local_before = TRY(local.Pages());
  const numa::ByNode beside_before = TRY(beside.Pages());

  const int64_t demoted_before = TRY(DemotedPages());
  const auto asked = kubepods.Write("memory.reclaim", fmt::format("{}", kAsked.value));
  if (!asked && asked.error().code != EAGAIN) return std::unexpected(asked.error());
  const Bytes demoted = BytesOf(TRY(DemotedPages()) - demoted_before);

  const numa::ByNode local_pages = TRY(local.Pages());
  const numa::ByNode far_pages = TRY(remote.Pages());
  const numa::ByNode local_stat = TRY(numa::ReadNumaStat(local_group, "anon"));
  const numa::ByNode far_stat = TRY(numa::ReadNumaStat(far_group, "anon"));
  results::Arm arm = DescribedArm(
      tree, is_protected ? "cpuset.mems of each part, memory.min of the local one" : "neither");
  arm.checks = {
      BytesAtLeast("local part in near memory", kLocal, BytesOf(numa::At(local_pages, far.near))),
      BytesAtMost("far part outside far memory", Bytes{0}, BytesOf(Outside(far_pages, far.far))),
      BytesAtLeast("local part in near memory by memory.numa_stat", kLocal,
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
  arm.load = {Touched(local, kLocal), Touched(remote, kFar), Touched(beside, kBeside),
              BytesDone("neighbour's memory on the near node", kBeside,
                        BytesOf(numa::At(beside_before, far.near))),
              BytesDone("memory that the kernel demoted", kDemoted, demoted)};
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
      .needs = FarNeeds(),
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
      .measure = MeasureSplit};
}

}  // namespace nodeproof::conformance
