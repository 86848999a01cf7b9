// io.max of a container: bytes and operations a second, read and written, direct.
#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/io/rate_meter.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;

constexpr Bytes kFile = MiB(8);
constexpr int64_t kBps = MiB(4).value;
constexpr int64_t kIops = 200;
constexpr double kTolerance = 0.05;

// What one of these claims limits.
struct Limit {
  IoLimits limits;
  Direction direction;
  bool bytes;  // a second; else operations
  std::string_view name;

  double per_second() const { return static_cast<double>(bytes ? kBps : kIops); }
  Bytes block() const { return bytes ? KiB(16) : KiB(4); }
};

double Done(const Limit& limit, const io::IoMark& mark) {
  return static_cast<double>(limit.bytes ? mark.done.value : mark.blocks);
}

// besteffort ── pod ── main   io.max 4 MiB/s (or 200 operations a second)     a stream of blocks
Result<results::Arm> Measure(ArmContext& context, const Limit& limit) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const std::string line = IoMaxLine(disk, limit.limits);
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "io.max", line, "set by the claim");
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  const double bytes_per_s = limit.bytes
                                 ? limit.per_second()
                                 : limit.per_second() * static_cast<double>(limit.block().value);
  io::IoJob job = TRY(io::IoJob::Start({.name = "stream",
                                        .group = &group,
                                        .file = file.path(),
                                        .direction = limit.direction,
                                        .random = !limit.bytes,
                                        .block = limit.block(),
                                        .depth = DepthFor(bytes_per_s, limit.block()),
                                        .seed = context.environment().seed}));
  TRY(job.AwaitReady(context.patience()));
  const MeteredRate rate = {
      .name = fmt::format("{} {} a second, of the limit", limit.bytes ? "bytes" : "operations",
                          limit.direction == Direction::kRead ? "read" : "written"),
      .model = {.limit = limit.per_second(), .grain = limit.per_second() * kThrottleSlice.count()},
      .done = [&]() -> Result<double> { return Done(limit, job.Mark()); }};
  MeteredRates rates = TRY(MeterRates(context, {rate}, kTolerance, [&] { return job.Check(); }));

  results::Arm arm =
      DescribedArm(tree, is_protected ? fmt::format("io.max {}", line) : "no io.max");
  arm.checks = std::move(rates.checks);
  arm.notes.insert(arm.notes.end(), rates.notes.begin(), rates.notes.end());
  arm.load = {BytesDone("stream", limit.block() * 20, job.Mark().done)};
  return arm;
}

constexpr const char* kTolerance5 =
    "5 %. The kernel hands a limit out in slices of 100 ms, each at once, so the ends of the span "
    "are known to one slice (over 5 s: 2 %), and to how late the node was meanwhile (a jiffy, the "
    "device, the longest stall of real-time threads). The span goes on until these are small "
    "enough to decide. A stall that outlasts the requests under way (200 ms) may lose budget: it "
    "is "
    "left out of the lower bound.";

Claim MaxClaim(std::string id, std::string statement, const Limit& limit) {
  const std::string what =
      limit.bytes ? "blocks of 16 KiB, one after the other" : "blocks of 4 KiB in random order";
  return {.id = std::move(id),
          .statement = std::move(statement),
          .source = "Documentation/admin-guide/cgroup-v2.rst, \"io.max\"; block/blk-throttle.c",
          .needs = IoNeeds(),
          .explanation = {.tree = fmt::format("besteffort ── pod ── main   io.max {}", limit.name),
                          .load = fmt::format(
                              "A process {} a file of 8 MiB through io_uring with O_DIRECT, {}, a "
                              "quarter of a second's worth under way at once.",
                              limit.direction == Direction::kRead ? "reads" : "writes", what),
                          .expected = limit.bytes ? "4 MiB a second." : "200 operations a second.",
                          .tolerance = kTolerance5,
                          .control = "No io.max: as fast as the disk."},
          .measure = [limit](ArmContext& context) { return Measure(context, limit); }};
}

}  // namespace

Claim IoMaxReadBps() {
  return MaxClaim("io.max.read-bps",
                  "A container reads no more bytes a second from a disk than its io.max says, and "
                  "as many.",
                  {{.rbps = kBps}, Direction::kRead, true, "rbps=4194304"});
}

Claim IoMaxWriteBps() {
  return MaxClaim("io.max.write-bps",
                  "A container writes no more bytes a second to a disk than its io.max says, and "
                  "as many.",
                  {{.wbps = kBps}, Direction::kWrite, true, "wbps=4194304"});
}

Claim IoMaxReadIops() {
  return MaxClaim("io.max.read-iops",
                  "A container makes no more reads a second from a disk than its io.max says, and "
                  "as many.",
                  {{.riops = kIops}, Direction::kRead, false, "riops=200"});
}

Claim IoMaxWriteIops() {
  return MaxClaim("io.max.write-iops",
                  "A container makes no more writes a second to a disk than its io.max says, and "
                  "as many.",
                  {{.wiops = kIops}, Direction::kWrite, false, "wiops=200"});
}

}  // namespace nodeproof::conformance
