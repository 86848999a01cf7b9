// How long a load from a CXL device's memory takes, against one from a CPU's own.
#include "conformance/numa/chase_order.h"
#include "conformance/numa/far_memory.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/pods.h"
#include "harness/topology/hypervisor.h"

namespace nodeproof::conformance {
namespace {

// From the near node's CPUs: their own memory and the device's, and no other.
Result<Origin> NearAndCxl(const Topology& topology, const FarMemory& far) {
  for (size_t i = 0; i < topology.nodes.size(); ++i) {
    if (topology.nodes[i].id != far.near) continue;
    Origin origin = TRY(OriginAt(topology, topology.nodes[i], i));
    std::erase_if(origin.memories, [&](const Memory& memory) {
      return memory.node != far.near && memory.node != far.far;
    });
    return origin;
  }
  return Fail("the topology has no NUMA node {}", far.near);
}

// besteffort ── pod ── main   a chase through a node's own memory and the device's by turns
Result<results::Arm> MeasureLatency(ArmContext& context) {
  const FarMemory far = TRY(FindFarMemory(context.topology(), FarKind::kCxl));
  const Origin origin = TRY(NearAndCxl(context.topology(), far));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, {},
                                               {.memory = context.environment().memory}));
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "chases through the device's memory and near memory"
                                             : "all chases through near memory");
  TRY(MeasureOrigin(context, *TRY(tree.Container("pod", "main")), origin, arm));
  arm.notes.push_back("tiers: " + far.tiers);
  if (RunsUnderTcg()) {
    arm.notes.push_back(
        "QEMU emulates each access to the device: what a load takes is QEMU's, not a device's");
  }
  return arm;
}

Needs LatencyNeeds() {
  return {.controllers = kNumaControllers,
          .cpus = 2,
          .memory_only_nodes = 1,
          .cxl_nodes = 1,
          .memory = MiB(256),
          .realtime = true,
          .why_realtime =
              "it counts instructions, and a load from an emulated device is one like any other"};
}

}  // namespace

Claim NumaCxlLatency() {
  return {
      .id = "numa.cxl-latency",
      .statement =
          "A load from a CXL device's memory takes longer than one from the CPU's own node, as the "
          "slower tier says that the kernel put it in.",
      .source =
          "drivers/dax/kmem.c, MEMTIER_DEFAULT_LOWTIER_ADISTANCE; mm/memory-tiers.c; ACPI 6.5, "
          "5.2.17 (SLIT)",
      .needs = LatencyNeeds(),
      .explanation =
          {.tree = "besteffort ── pod ── main",
           .load =
               "A process on a CPU of the node nearest to the device follows links in a random "
               "order through memory bound to that node and through the device's, 20000 at a time "
               "by turns: on each four times the largest cache, 64M at least (under TCG, which "
               "models no cache, 64K). CPU time counts, so that waits for the CPU do not.",
           .expected = "A load from the device takes at least a tenth longer than a local one, the "
                       "least that SLIT can say.",
           .tolerance = "0.05 of a local load, half of SLIT's step. A fourth of the loads may hit "
                        "a cache, on either node alike.",
           .control = "All memory is the CPU's own node's: the second chase is as fast."},
      .arm_budget = Seconds(60),
      .measure = MeasureLatency};
}

}  // namespace nodeproof::conformance
