// Steps that claims about disks share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conformance/arm_context.h"
#include "conformance/memory/steps.h"
#include "harness/io/disk.h"
#include "harness/io/io_job.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::conformance {

inline const std::vector<std::string> kIoControllers = {"cpu", "cpuset", "io", "memory", "pids"};

// What every claim here needs: a disk, so the realtime lane.
Needs IoNeeds();

// The disk below the scratch directory; `unsupported` where there is none.
Result<io::Disk> ScratchDisk(const ArmContext& context);

// Limits of one disk. Unset is "max".
struct IoLimits {
  std::optional<int64_t> rbps = std::nullopt;
  std::optional<int64_t> wbps = std::nullopt;
  std::optional<int64_t> riops = std::nullopt;
  std::optional<int64_t> wiops = std::nullopt;
};
// As io.max reads back: "259:0 rbps=4194304 wbps=max riops=max wiops=max".
std::string IoMaxLine(const io::Disk& disk, const IoLimits& limits);

// Blocks that last for a quarter of a second at `limit` a second: that many requests under way keep
// the kernel's limit in work while the node stands still.
int DepthFor(double limit_per_s, Bytes block);

}  // namespace nodeproof::conformance
