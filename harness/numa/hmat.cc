#include "harness/numa/hmat.h"

#include <algorithm>

#include "harness/base/file.h"

namespace nodeproof::numa {

Result<std::optional<int64_t>> ReadLatency(int from, int to, const std::string& sysfs) {
  const std::string directory =
      fmt::format("{}/devices/system/node/node{}/access0/initiators", sysfs, to);
  const auto names = ListDirectory(AT_FDCWD, directory);
  if (!names || std::ranges::find(*names, fmt::format("node{}", from)) == names->end()) {
    return std::nullopt;
  }
  const std::string path = directory + "/read_latency";
  const auto text = ReadFile(path);
  if (!text) return std::nullopt;  // no HMAT: the links alone are there
  const auto latency = ParseInt(Trim(*text));
  if (!latency) return Fail("{}: {}", path, latency.error().message);
  // 0 is what the kernel shows of values that the firmware left out.
  return *latency > 0 ? std::optional(*latency) : std::nullopt;
}

}  // namespace nodeproof::numa
