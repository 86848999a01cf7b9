#include "conformance/io/io_steps.h"

#include <algorithm>

namespace nodeproof::conformance {
namespace {

std::string Word(std::string_view key, const std::optional<int64_t>& limit) {
  return limit ? fmt::format(" {}={}", key, *limit) : fmt::format(" {}=max", key);
}

}  // namespace

Needs IoNeeds() {
  return {.controllers = kIoControllers,
          .memory = MiB(256),
          .scratch = true,
          .realtime = true,
          .why_realtime = "its I/O needs a disk"};
}

Result<io::Disk> ScratchDisk(const ArmContext& context) {
  return io::DiskOf(context.environment().scratch->string());
}

std::string IoMaxLine(const io::Disk& disk, const IoLimits& limits) {
  return disk.number + Word("rbps", limits.rbps) + Word("wbps", limits.wbps) +
         Word("riops", limits.riops) + Word("wiops", limits.wiops);
}

int DepthFor(double limit_per_s, Bytes block) {
  return std::max(2, static_cast<int>(limit_per_s / 4 / static_cast<double>(block.value)));
}

}  // namespace nodeproof::conformance
