// How long a load takes by where the memory is, and whether the tables that the kernel publishes
// have it in the same order.
#include "conformance/numa/chase_order.h"
#include "conformance/numa/numa_claims.h"
#include "conformance/pods.h"
#include "harness/topology/hypervisor.h"

namespace nodeproof::conformance {
namespace {

// What must be so for loads to differ at all.
Status RequireRealMemory(const ArmContext& context) {
  if (RunsUnderTcg()) {
    return Unsupported(
        "QEMU's TCG runs this node and models no memory: a load takes the same time from every "
        "NUMA node, whatever /sys/devices/system/node/node*/distance and "
        "access0/initiators/read_latency say");
  }
  if (context.environment().owns_node) {
    return Unsupported(
        "this VM's NUMA nodes are described to it and no more: its memory is not bound to nodes "
        "of its host, so /sys/devices/system/node/node*/distance says nothing of it");
  }
  return {};
}

// The first and the last node with CPUs and memory.
Result<std::vector<Origin>> OriginsOf(const Topology& topology) {
  std::vector<Origin> origins;
  for (size_t i = 0; i < topology.nodes.size(); ++i) {
    const NumaNode& node = topology.nodes[i];
    if (node.memory.value == 0 || (node.cpus & topology.Online()).empty()) continue;
    if (origins.size() == 2) origins.pop_back();
    origins.push_back(TRY(OriginAt(topology, node, i)));
  }
  if (origins.empty() || origins.front().memories.size() < 2) {
    return Unsupported("/sys/devices/system/node has no two NUMA nodes with memory");
  }
  return origins;
}

// besteffort ── pod ── main   a chase through memory of every NUMA node by turns
Result<results::Arm> MeasureOrder(ArmContext& context) {
  TRY(RequireRealMemory(context));
  const std::vector<Origin> origins = TRY(OriginsOf(context.topology()));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, {},
                                               {.memory = context.environment().memory}));
  results::Arm arm =
      DescribedArm(tree, context.Protected() ? "chases through memory of every NUMA node"
                                             : "all chases through the CPU's own node's memory");
  for (const Origin& origin : origins) {
    TRY(MeasureOrigin(context, *TRY(tree.Container("pod", "main")), origin, arm));
  }
  return arm;
}

}  // namespace

Claim NumaLatencyOrder() {
  return {
      .id = "numa.latency-order",
      .statement =
          "A load takes longest from the memory that is farthest, and the order of all memory by "
          "measured latency is that of the kernel's tables (SLIT, HMAT).",
      .source =
          "ACPI 6.5, 5.2.17 (SLIT) and 5.2.28 (HMAT); Documentation/admin-guide/mm/numaperf.rst; "
          "Documentation/ABI/stable/sysfs-devices-node",
      .needs = {.controllers = kNumaControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ── pod ── main",
           .load =
               "A process on a CPU of the first NUMA node follows links in a random order through "
               "memory that is bound to each node, 20000 at a time by turns: on each four times "
               "the largest cache, 64M at least. Then one on the last node with CPUs. CPU time "
               "counts, so that waits for the CPU do not.",
           .expected =
               "A load from the farthest node takes at least a tenth longer than a local one, the "
               "least that SLIT can say. No node is faster than one that SLIT, or HMAT's read "
               "latency where the kernel has it, puts before it.",
           .tolerance = "0.05 of a local load, half of SLIT's step: who is a step apart by the "
                        "table is the nearer of the two by measurement too. A fourth of the loads "
                        "may hit a cache, on every node alike.",
           .control = "All memory is the CPU's own node's: the farthest is as fast."},
      .arm_budget = Seconds(60),
      .measure = MeasureOrder};
}

}  // namespace nodeproof::conformance
