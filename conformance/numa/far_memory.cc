#include "conformance/numa/far_memory.h"

#include "harness/numa/tiers.h"

namespace nodeproof::conformance {

Result<FarMemory> FindFarMemory(const Topology& topology) {
  const numa::Tiers tiers = TRY(numa::ReadTiers());
  const NodePair pair = TRY(PairOf(topology));
  const auto tier = [&](int node) {
    const auto at = tiers.of_node.find(node);
    return at == tiers.of_node.end() ? -1 : at->second;
  };
  for (const NumaNode& node : topology.nodes) {
    if (!node.cpus.empty() || node.memory.value == 0) continue;
    if (tier(node.id) > tier(pair.first)) {
      return FarMemory{pair.first, node.id, pair.first_cpus, tiers.text};
    }
  }
  return Unsupported(
      "the kernel puts no NUMA node without CPUs into a slower tier: "
      "/sys/devices/virtual/memory_tiering has {} (tiers by ACPI HMAT: kernel 6.7)",
      tiers.text.empty() ? "none" : tiers.text);
}

}  // namespace nodeproof::conformance
