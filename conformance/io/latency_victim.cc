// A noisy neighbour on the disk: a storm of writes and fsyncs beside who reads now and then.
#include "conformance/io/cost_model.h"
#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/pods.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;
using results::Relation;

constexpr Bytes kFile = MiB(4);
constexpr Bytes kBlock = KiB(4);
constexpr int kModelIops = 400;
constexpr int kStormers = 4;
constexpr int kDepth = 32;          // of each
constexpr double kVictimRate = 25;  // reads a second
constexpr int64_t kVictimReads = 75;
// Ten operations of the modelled disk.
constexpr double kMostUsec = 10.0 * 1e6 / kModelIops;

struct Storm {
  std::vector<probe::ScratchFile> files;
  std::vector<io::IoJob> jobs;
};

Result<Storm> StartStorm(ArmContext& context, const cgroup::Cgroup& group) {
  Storm storm;
  for (int i = 0; i < kStormers; ++i) {
    storm.files.push_back(TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile)));
    storm.jobs.push_back(TRY(io::IoJob::Start({.name = fmt::format("storm {}", i + 1),
                                               .group = &group,
                                               .file = storm.files.back().path(),
                                               .direction = Direction::kWrite,
                                               .random = true,
                                               .block = kBlock,
                                               .depth = kDepth,
                                               .fsync_every = kDepth,
                                               .seed = context.random()()})));
  }
  for (io::IoJob& job : storm.jobs) TRY(job.AwaitReady(context.patience()));
  // It rages once each has had a whole round written and synced.
  TRY(Await(context, "the storm's first fsyncs", [&]() -> Result<bool> {
    for (io::IoJob& job : storm.jobs) {
      TRY(job.Check());
      if (job.Fsyncs() < 1) return false;
    }
    return true;
  }));
  return storm;
}

int64_t BlocksOf(const Storm& storm) {
  int64_t sum = 0;
  for (const io::IoJob& job : storm.jobs) sum += job.Mark().blocks;
  return sum;
}

// kubepods ─┬─ burstable  ── pod victim ── main   25 reads a second
//           └─ besteffort ── pod storm  ── main   four writers, 32 blocks under way and an fsync
Result<results::Arm> MeasureVictim(ArmContext& context) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const auto model = TRY(CostModel::TurnOn(context, disk, kModelIops));
  const capsule::Tree tree = TRY(context.Plant(
      MemoryNode(), {}, {MakePod("victim", {{.cpu_request = "500m"}}), MakePod("storm", {{}})}));
  const cgroup::Cgroup& stormy = *TRY(tree.Container("storm", "main"));
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  Storm storm = TRY(StartStorm(context, stormy));
  const int64_t storm_before = BlocksOf(storm);
  const Nanoseconds begun = context.clock().Now();
  io::IoJob victim =
      TRY(io::IoJob::Start({.name = "victim",
                            .group = is_protected ? TRY(tree.Container("victim", "main")) : &stormy,
                            .file = file.path(),
                            .random = true,
                            .block = kBlock,
                            // A late read does not hold the next one up.
                            .depth = 64,
                            .rate = kVictimRate,
                            .blocks = kVictimReads,
                            .seed = context.random()()}));
  TRY(Await(context, "the victim's reads", [&]() -> Result<bool> {
    if (victim.Mark().blocks >= kVictimReads) return true;
    TRY(victim.Check());
    return false;
  }));
  const Seconds took = context.clock().Now() - begun;
  for (io::IoJob& job : storm.jobs) TRY(job.Check());
  const auto stormed = static_cast<double>(BlocksOf(storm) - storm_before);

  results::Arm arm = DescribedArm(tree, is_protected ? "the victim is in a pod of its own"
                                                     : "the victim is in the storm's pod");
  const auto usec = [&](double fraction) {
    return Seconds(victim.Latency().Percentile(fraction)).count() * 1e6;
  };
  const auto tenth = usec(0.9);
  arm.checks = {measure::ExactCheck("latency that nine of ten of the victim's reads keep (p90)",
                                    {0, Relation::kAtMost, kMostUsec, "usec"}, tenth)};
  arm.notes.push_back(fmt::format(
      "victim p50 {:.0f} us, p90 {:.0f} us, largest {:.0f} us; the storm "
      "wrote {:.0f} blocks a second",
      usec(0.5), tenth, Seconds(victim.Latency().Max()).count() * 1e6, stormed / took.count()));
  arm.load = {{"victim", "blocks", static_cast<double>(kVictimReads),
               static_cast<double>(victim.Mark().blocks)},
              {"storm", "blocks", kModelIops * took.count() / 2, stormed}};
  return arm;
}

}  // namespace

Claim IoLatencyVictim() {
  Needs needs = IoNeeds();
  needs.whole_node = true;
  needs.why_whole_node = "it sets the disk's io.cost.model and io.cost.qos";
  return {
      .id = "io.latency-victim",
      .statement =
          "Who reads a little from a disk hardly waits for a neighbour's storm of writes and "
          "fsyncs, when the kernel divides the disk.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"io.weight\"; block/blk-iocost.c",
      .needs = std::move(needs),
      .explanation =
          {.tree = "kubepods ─┬─ burstable  ── pod victim ── main\n"
                   "          └─ besteffort ── pod storm  ── main",
           .load =
               "The victim reads a block of 4 KiB 25 times a second, 75 in all. Four processes in "
               "storm write blocks of 4 KiB in random order, 32 under way each, and call fsync "
               "after every 32. io.cost.model says that the disk does 400 operations a second.",
           .expected =
               "The victim wants a sixteenth of the disk and is entitled to half: nine of ten "
               "of its reads take no longer than ten operations of the disk, 25 ms, counted "
               "from when each was due.",
           .tolerance =
               "Ten operations: a read that is entitled to the disk is let through at once "
               "and finds in the disk itself only what iocost let through shortly before. "
               "One read in ten may be held up by a node that stands still.",
           .control = "The victim is in the storm's container: it waits behind what the storm has "
                      "under way, up to 128 operations, 320 ms."},
      .measure = MeasureVictim};
}

}  // namespace nodeproof::conformance
