// A noisy neighbour on the disk: a storm of writes and fsyncs beside who writes now and then.
#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/pods.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;
using results::Relation;

constexpr Bytes kFile = MiB(4);
constexpr int64_t kLimit = 400;  // writes a second that the storm's pod may do
constexpr int kStormers = 4;
constexpr double kVictimRate = 25;  // writes a second
constexpr int64_t kVictimWrites = 75;
// A quarter of what the storm has under way, at its limit: 80 ms.
constexpr double kMostUsec = 1e6 * kStormers * WriteStorm::kDepth / kLimit / 4;

// kubepods ─┬─ burstable  ── pod victim ── main   25 writes a second
//           └─ besteffort ── pod storm             io.max wiops 400
//                            └─ main               four writers, 32 blocks under way and an fsync
Result<results::Arm> MeasureVictim(ArmContext& context) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    return Override(plan, TRY(PathOfPod(plan, "storm")), "io.max",
                    IoMaxLine(disk, {.wiops = kLimit}), "set by the claim");
  };
  const capsule::Tree tree = TRY(
      context.Plant(MemoryNode(), {},
                    {MakePod("victim", {{.cpu_request = "500m"}}), MakePod("storm", {{}})}, edit));
  const cgroup::Cgroup& stormy = *TRY(tree.Container("storm", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  WriteStorm storm = TRY(StartWriteStorm(context, stormy, "storm", kStormers));
  for (io::IoJob& job : storm.jobs) TRY(job.AwaitReady(context.patience()));
  TRY(Await(context, "the storm's first fsyncs", [&] { return storm.AllSynced(); }));
  const int64_t storm_before = storm.Blocks();
  const Nanoseconds begun = context.clock().Now();
  io::IoJob victim =
      TRY(io::IoJob::Start({.name = "victim",
                            .group = is_protected ? TRY(tree.Container("victim", "main")) : &stormy,
                            .file = file.path(),
                            .direction = Direction::kWrite,
                            .random = true,
                            .block = WriteStorm::kBlock,
                            // A late write does not hold the next one up.
                            .depth = 64,
                            .rate = kVictimRate,
                            .blocks = kVictimWrites,
                            .seed = context.random()()}));
  TRY(Await(context, "the victim's writes", [&]() -> Result<bool> {
    if (victim.Mark().blocks >= kVictimWrites) return true;
    TRY(victim.Check());
    return false;
  }));
  const Seconds took = context.clock().Now() - begun;
  TRY(storm.Check());
  const auto stormed = static_cast<double>(storm.Blocks() - storm_before);

  results::Arm arm = DescribedArm(tree, is_protected ? "the victim is in a pod of its own"
                                                     : "the victim is in the storm's container");
  const auto usec = [&](double fraction) {
    return Seconds(victim.Latency().Percentile(fraction)).count() * 1e6;
  };
  arm.checks = {measure::ExactCheck("latency that nine of ten of the victim's writes keep (p90)",
                                    {0, Relation::kAtMost, kMostUsec, "usec"}, usec(0.9))};
  arm.notes.push_back(fmt::format(
      "victim p50 {:.0f} us, p90 {:.0f} us, largest {:.0f} us; the storm wrote {:.0f} "
      "blocks a second",
      usec(0.5), usec(0.9), Seconds(victim.Latency().Max()).count() * 1e6, stormed / took.count()));
  arm.load = {{"victim", "blocks", static_cast<double>(kVictimWrites),
               static_cast<double>(victim.Mark().blocks)},
              {"storm", "blocks", static_cast<double>(kLimit) * took.count() / 2, stormed}};
  return arm;
}

}  // namespace

Claim IoLatencyVictim() {
  return {
      .id = "io.latency-victim",
      .statement =
          "A storm of writes and fsyncs that io.max holds back does not hold up who writes "
          "a little to the same disk and file system.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"io.max\"; block/blk-throttle.c",
      .needs = IoNeeds(),
      .explanation =
          {.tree = "kubepods ─┬─ burstable  ── pod victim ── main\n"
                   "          └─ besteffort ── pod storm   io.max wiops=400\n"
                   "                           └─ main",
           .load =
               "The victim writes a block of 4 KiB with O_DIRECT 25 times a second, 75 in all. "
               "Four processes in storm do so in random order, 32 blocks under way each, and call "
               "fsync after every 32: always behind their limit.",
           .expected =
               "What the storm has under way waits for its own limit, 128 blocks for 320 ms. "
               "The victim does not wait for it: nine of ten of its writes take no longer than "
               "a quarter of that, counted from when each was due.",
           .tolerance =
               "80 ms: the disk does a write in a few, and a node that stands still now and "
               "then holds up less than one write in ten for so long.",
           .control = "The victim is in the storm's container, behind all that it has under way."},
      .measure = MeasureVictim};
}

}  // namespace nodeproof::conformance
