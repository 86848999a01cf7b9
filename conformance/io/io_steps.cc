#include "conformance/io/io_steps.h"

#include <algorithm>

namespace nodeproof::conformance {
namespace {

constexpr Bytes kStormFile = MiB(4);

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

int64_t WriteStorm::Blocks() const {
  int64_t sum = 0;
  for (const io::IoJob& job : jobs) sum += job.Mark().blocks;
  return sum;
}

Status WriteStorm::Check() {
  for (io::IoJob& job : jobs) TRY(job.Check());
  return {};
}

Result<bool> WriteStorm::AllSynced() {
  TRY(Check());
  return std::ranges::all_of(jobs, [](const io::IoJob& job) { return job.Fsyncs() > 0; });
}

Result<WriteStorm> StartWriteStorm(ArmContext& context, const cgroup::Cgroup& group,
                                   std::string_view name, int processes) {
  WriteStorm storm;
  for (int i = 0; i < processes; ++i) {
    storm.files.push_back(
        TRY(probe::ScratchFile::Write(*context.environment().scratch, kStormFile)));
    storm.jobs.push_back(TRY(io::IoJob::Start({.name = fmt::format("{} {}", name, i + 1),
                                               .group = &group,
                                               .file = storm.files.back().path(),
                                               .direction = io::IoJobOptions::Direction::kWrite,
                                               .random = true,
                                               .block = WriteStorm::kBlock,
                                               .depth = WriteStorm::kDepth,
                                               .fsync_every = WriteStorm::kDepth,
                                               .seed = context.random()()})));
  }
  return storm;
}

int DepthFor(double limit_per_s, Bytes block, Seconds worth) {
  const double blocks_per_s = limit_per_s / static_cast<double>(block.value);
  return std::max(2, static_cast<int>(blocks_per_s * worth.count()));
}

}  // namespace nodeproof::conformance
