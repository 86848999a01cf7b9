#include "conformance/numa/far_memory.h"

#include <unistd.h>

#include <algorithm>

#include "harness/base/file.h"
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

Needs FarNeeds() {
  Needs needs = NumaNeeds(MiB(256));
  needs.memory_only_nodes = 1;
  needs.whole_node = true;
  needs.why_whole_node = "it turns demotion and NUMA balancing on and off";
  return needs;
}

Result<int64_t> DemotedPages() {
  // Each CPU counts for itself for up to a second; this adds it all up.
  TRY(ReadFile("/proc/sys/vm/stat_refresh"));
  const std::string text = TRY(ReadFile("/proc/vmstat"));
  int64_t pages = -1;
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Words(line);
    if (words.size() != 2 || !words[0].starts_with("pgdemote_")) continue;
    pages = std::max<int64_t>(pages, 0) + TRY(ParseInt(words[1]));
  }
  if (pages < 0) return Unsupported("/proc/vmstat has no pgdemote_ (demotion, kernel 5.15)");
  return pages;
}

Bytes BytesOf(int64_t pages) { return Bytes{pages * ::sysconf(_SC_PAGESIZE)}; }

}  // namespace nodeproof::conformance
