// Steps that claims about disks share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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

// Processes that write blocks in random order with O_DIRECT, many under way at once, and call fsync
// after each so many; a file each.
struct WriteStorm {
  static constexpr Bytes kBlock = KiB(4);
  static constexpr int kDepth = 32;  // blocks under way of each process, and between two fsyncs

  std::vector<probe::ScratchFile> files;
  std::vector<io::IoJob> jobs;

  // Blocks written by all.
  int64_t Blocks() const;
  // An error with what a process failed at; fine while all write.
  Status Check();
  // Whether it rages: each has had a whole round written and synced. Errors as of Check().
  Result<bool> AllSynced();
};
// Starts `processes` of them in `group`, which are called "NAME 1", "NAME 2" and so on.
Result<WriteStorm> StartWriteStorm(ArmContext& context, const cgroup::Cgroup& group,
                                   std::string_view name, int processes);

// Blocks that last for `worth` at `limit` a second: that many requests under way keep the kernel's
// limit in work while the node stands still, or while they wait for limits further up.
int DepthFor(double limit_per_s, Bytes block, Seconds worth = Seconds(0.25));

}  // namespace nodeproof::conformance
