#include "conformance/numa/far_memory.h"

#include <unistd.h>

#include <algorithm>
#include <functional>

#include "harness/base/file.h"
#include "harness/numa/tiers.h"

namespace nodeproof::conformance {
namespace {

Result<std::reference_wrapper<const NumaNode>> FirstWithCpus(const Topology& topology) {
  for (const NumaNode& node : topology.nodes) {
    if (node.memory.value > 0 && !(node.cpus & topology.Online()).empty()) return std::cref(node);
  }
  return Unsupported("/sys/devices/system/node has no NUMA node with CPUs and memory");
}

}  // namespace

Result<FarMemory> FindFarMemory(const Topology& topology, FarKind kind) {
  const numa::Tiers tiers = TRY(numa::ReadTiers());
  const NumaNode& near = TRY(FirstWithCpus(topology)).get();
  const auto tier = [&](int node) {
    const auto at = tiers.of_node.find(node);
    return at == tiers.of_node.end() ? -1 : at->second;
  };
  for (const NumaNode& node : topology.nodes) {
    if (!node.cpus.empty() || node.memory.value == 0) continue;
    if (kind == FarKind::kCxl && !node.cxl) continue;
    if (tier(node.id) > tier(near.id)) {
      return FarMemory{near.id, node.id, near.cpus & topology.Online(), tiers.text};
    }
  }
  return Unsupported(
      "the kernel puts no NUMA node {} into a slower tier: "
      "/sys/devices/virtual/memory_tiering has {} ({})",
      kind == FarKind::kCxl ? "of CXL memory" : "without CPUs",
      tiers.text.empty() ? "none" : tiers.text,
      kind == FarKind::kCxl ? "tiers of devices' memory: kernel 6.1"
                            : "tiers by ACPI HMAT: kernel 6.7");
}

Needs FarNeeds(FarKind kind) {
  Needs needs = NumaNeeds(MiB(256));
  needs.memory_only_nodes = 1;
  if (kind == FarKind::kCxl) {
    needs.cxl_nodes = 1;
    needs.numa_nodes = 1;  // its devices often stand behind a single socket
  }
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
