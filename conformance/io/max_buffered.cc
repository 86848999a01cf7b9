// io.max of a container whose writes go through the page cache.
#include <array>

#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/io/rate_meter.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;

constexpr Bytes kLimit = MiB(8);  // a second
constexpr Bytes kFile = MiB(4);
constexpr Bytes kBlock = KiB(64);
constexpr int kWriters = 4;
// The largest request that writeback makes of dirty pages (BIO_MAX_VECS pages).
constexpr Bytes kLargestRequest = MiB(1);
constexpr double kTolerance = 0.05;

// besteffort ── pod ── main   io.max wbps 8 MiB     four writers, buffered, each with its own file
Result<results::Arm> MeasureBuffered(ArmContext& context) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const std::string line = IoMaxLine(disk, {.wbps = kLimit.value});
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "io.max", line, "set by the claim");
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  std::vector<probe::ScratchFile> files;
  std::vector<io::IoJob> jobs;
  for (int i = 0; i < kWriters; ++i) {
    files.push_back(TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile)));
    jobs.push_back(TRY(io::IoJob::Start({.name = fmt::format("writer {}", i + 1),
                                         .group = &group,
                                         .file = files.back().path(),
                                         .direction = Direction::kWrite,
                                         .direct = false,
                                         .block = kBlock,
                                         .fsync_every = kFile.value / kBlock.value})));
    TRY(jobs.back().AwaitReady(context.patience()));
  }
  const auto limit = static_cast<double>(kLimit.value);
  const MeteredRate rate = {
      .name = "bytes a second that io.stat counts written, of the limit",
      .model = {.limit = limit,
                .grain =
                    limit * kThrottleSlice.count() + static_cast<double>(kLargestRequest.value)},
      .done = [&]() -> Result<double> {
        return static_cast<double>(TRY(cgroup::ReadIoStat(group, disk.number)).written.value);
      }};
  MeteredRates metered = TRY(MeterRates(context, {rate}, kTolerance, [&]() -> Status {
    for (io::IoJob& job : jobs) TRY(job.Check());
    return {};
  }));

  results::Arm arm =
      DescribedArm(tree, is_protected ? fmt::format("io.max {}", line) : "no io.max");
  arm.checks = std::move(metered.checks);
  arm.notes.insert(arm.notes.end(), metered.notes.begin(), metered.notes.end());
  for (const io::IoJob& job : jobs) {
    arm.load.push_back(BytesDone(job.options().name, kBlock * 4, job.Mark().done));
  }
  return arm;
}

}  // namespace

Claim IoMaxBuffered() {
  return {
      .id = "io.max.buffered",
      .statement =
          "io.max holds for buffered writes too: what the kernel writes back of a "
          "container's dirty pages counts against it.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"Writeback\"; cgroup v1 let such writes "
          "past every limit",
      .needs = IoNeeds(),
      .explanation =
          {.tree = "besteffort ── pod ── main   io.max wbps=8388608",
           .load =
               "Four processes write a file of 4 MiB each through the page cache, over and over, "
               "with fsync after each pass, so that somebody always waits for the disk.",
           .expected = "io.stat of the container counts 8 MiB a second.",
           .tolerance = "5 %, as for io.max.read-bps: here the ends of the span are known to one "
                        "slice and one request of 1 MiB, the largest that writeback makes.",
           .control = "No io.max: as fast as the disk."},
      .measure = MeasureBuffered};
}

}  // namespace nodeproof::conformance
