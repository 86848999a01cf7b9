#include "harness/numa/tiers.h"

#include <cerrno>

#include "harness/base/file.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::numa {

Result<Tiers> ReadTiers(const std::string& sysfs) {
  const std::string directory = sysfs + "/devices/virtual/memory_tiering";
  constexpr std::string_view kPrefix = "memory_tier";
  const auto names = ListDirectory(AT_FDCWD, directory);
  if (!names) {
    return std::unexpected(Error{fmt::format("the kernel has no {} (memory tiers, 6.1)", directory),
                                 "", ENOENT, true});
  }
  Tiers tiers;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix)) continue;
    const auto number = ParseInt(std::string_view(name).substr(kPrefix.size()));
    if (!number) continue;
    const std::string path = fmt::format("{}/{}/nodelist", directory, name);
    const std::string list(Trim(TRY(ReadFile(path))));
    const auto nodes = CpuSet::Parse(list);
    if (!nodes) return Fail("{}: {}", path, nodes.error().message);
    for (const int node : *nodes) tiers.of_node[node] = static_cast<int>(*number);
    tiers.text += fmt::format("{}{}: {}", tiers.text.empty() ? "" : ", ", name, list);
  }
  return tiers;
}

}  // namespace nodeproof::numa
