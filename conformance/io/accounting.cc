// What a group did to a disk, and how long it waited for it, shows in that group.
#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"
#include "harness/measure/stall_monitor.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;
using results::Relation;

constexpr Bytes kFile = MiB(4);
constexpr Bytes kReadBlock = KiB(4);
constexpr Bytes kWriteBlock = KiB(16);
constexpr int64_t kReads = 300;
constexpr int64_t kWrites = 150;

Status AwaitBlocks(const ArmContext& context, io::IoJob& job, int64_t blocks) {
  return Await(context, fmt::format("the blocks of {}", job.options().name), [&]() -> Result<bool> {
    if (job.Mark().blocks >= blocks) return true;
    TRY(job.Check());
    return false;
  });
}

void AddExact(results::Arm& arm, std::string_view whose, const cgroup::IoStat& wanted,
              const cgroup::IoStat& stat) {
  const auto bytes = [&](std::string_view key, Bytes expected, Bytes measured) {
    arm.checks.push_back(
        measure::ExactCheck(fmt::format("{} of {}", key, whose),
                            {static_cast<double>(expected.value), Relation::kWithin, 0, "bytes"},
                            static_cast<double>(measured.value)));
  };
  bytes("rbytes", wanted.read, stat.read);
  bytes("wbytes", wanted.written, stat.written);
  arm.checks.push_back(CountIs(fmt::format("rios of {}", whose), wanted.reads, stat.reads));
  arm.checks.push_back(CountIs(fmt::format("wios of {}", whose), wanted.writes, stat.writes));
}

// kubepods ── besteffort ─┬─ pod busy ─┬─ reader    300 blocks of 4 KiB
//                         │            └─ writer    150 blocks of 16 KiB
//                         └─ pod idle ── main
Result<results::Arm> MeasureStat(ArmContext& context) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const std::vector<kubelet::Pod> pods = {MakePod("busy", {{.name = "reader"}, {.name = "writer"}}),
                                          MakePod("idle", {{}})};
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods));
  const cgroup::Cgroup& qos = *TRY(tree.QosSlice("busy"));
  const cgroup::Cgroup& reader = *TRY(tree.Container("busy", "reader"));
  const cgroup::Cgroup& writer = *TRY(tree.Container("busy", "writer"));
  const cgroup::Cgroup& idle = *TRY(tree.Container("idle", "main"));
  const probe::ScratchFile read =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  const probe::ScratchFile written =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  const cgroup::IoStat slice_before = TRY(cgroup::ReadIoStat(*TRY(tree.NodeSlice()), disk.number));
  io::IoJob reads = TRY(io::IoJob::Start({.name = "reader",
                                          .group = is_protected ? &reader : &idle,
                                          .file = read.path(),
                                          .random = true,
                                          .block = kReadBlock,
                                          .depth = 8,
                                          .blocks = kReads,
                                          .seed = context.environment().seed}));
  io::IoJob writes = TRY(io::IoJob::Start({.name = "writer",
                                           .group = is_protected ? &writer : &idle,
                                           .file = written.path(),
                                           .direction = Direction::kWrite,
                                           .block = kWriteBlock,
                                           .depth = 4,
                                           .blocks = kWrites}));
  TRY(AwaitBlocks(context, reads, kReads));
  TRY(AwaitBlocks(context, writes, kWrites));

  const cgroup::IoStat did_read = {.read = kReadBlock * kReads, .reads = kReads};
  const cgroup::IoStat did_write = {.written = kWriteBlock * kWrites, .writes = kWrites};
  const cgroup::IoStat did_both = {
      .read = did_read.read, .written = did_write.written, .reads = kReads, .writes = kWrites};
  results::Arm arm = DescribedArm(
      tree, is_protected ? "each in its own container" : "both in the neighbouring pod");
  const auto stat = [&](const cgroup::Cgroup& group) {
    return cgroup::ReadIoStat(group, disk.number);
  };
  AddExact(arm, "the reader", did_read, TRY(stat(reader)));
  AddExact(arm, "the writer", did_write, TRY(stat(writer)));
  AddExact(arm, "their pod", did_both, TRY(stat(*TRY(tree.Pod("busy")))));
  AddExact(arm, "the neighbouring pod", {}, TRY(stat(idle)));
  AddExact(arm, "besteffort", did_both, TRY(stat(qos)));
  AddExact(arm, "kubepods", did_both, TRY(stat(*TRY(tree.NodeSlice()))) - slice_before);
  arm.load = {BytesDone("reader", did_read.read, reads.Mark().done),
              BytesDone("writer", did_write.written, writes.Mark().done)};
  return arm;
}

constexpr double kAsked = 40;  // reads a second
constexpr int64_t kSlow = 20;  // reads a second that io.max lets through
constexpr Nanoseconds kWatch = std::chrono::seconds(3);

// What one look at the reader and its groups gives.
struct Look {
  Nanoseconds at{0};
  Nanoseconds waited{0};
  std::vector<cgroup::Pressure> levels;  // from the reader's container up to kubepods
  cgroup::Pressure idle;
};

// Growth between two looks, as a part of the time.
double PartOf(const Look& before, const Look& after, Microseconds grown) {
  return Seconds(grown).count() / Seconds(after.at - before.at).count();
}

// kubepods ── besteffort ─┬─ pod busy ── main   io.max riops 20     a reader that wants 40 a second
//                         └─ pod idle ── main                       a reader that rests
Result<results::Arm> MeasurePressure(ArmContext& context) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "busy")), "io.max",
                    IoMaxLine(disk, {.riops = kSlow}), "set by the claim");
  };
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("busy", {{}}), MakePod("idle", {{}})}, edit));
  const cgroup::Cgroup& busy = *TRY(tree.Container("busy", "main"));
  const cgroup::Cgroup& idle = *TRY(tree.Container("idle", "main"));
  const std::vector<std::pair<std::string, const cgroup::Cgroup*>> levels = {
      {"the container", &busy},
      {"its pod", TRY(tree.Pod("busy"))},
      {"besteffort", TRY(tree.QosSlice("busy"))},
      {"kubepods", TRY(tree.NodeSlice())}};
  if (!busy.Has("io.pressure")) {
    return Unsupported("the kernel has no io.pressure (CONFIG_PSI, psi=1)");
  }
  const probe::ScratchFile file =
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile));
  io::IoJob job = TRY(io::IoJob::Start({.name = "reader",
                                        .group = &busy,
                                        // PSI weighs each CPU by its part of the time: of a task
                                        // that moves between CPUs it shows less than there is.
                                        .affinity = CpuSet{context.QuietCpu()},
                                        .file = file.path(),
                                        .block = KiB(4),
                                        .calls = true,
                                        .rate = kAsked}));
  io::IoJob rest = TRY(io::IoJob::Start(
      {.name = "idle", .group = &idle, .file = file.path(), .block = KiB(4), .blocks = 1}));
  TRY(AwaitBlocks(context, rest, 1));
  // By then the slice that a group begins with is used up.
  TRY(AwaitBlocks(context, job, 2 * kSlow / 4));

  const auto look = [&]() -> Result<Look> {
    Look now;
    for (const auto& [name, level] : levels) {
      now.levels.push_back(TRY(cgroup::ReadPressure(*level, "io.pressure")));
    }
    now.idle = TRY(cgroup::ReadPressure(idle, "io.pressure"));
    now.waited = job.Waited();
    now.at = context.clock().Now();
    return now;
  };
  const Look before = TRY(look());
  context.clock().WaitUntil(before.at + kWatch);
  const Look after = TRY(look());
  TRY(job.Check());
  results::Arm arm =
      DescribedArm(tree, is_protected ? "io.max riops 20, 40 asked for" : "no io.max");
  const results::Expectation stalled{1, Relation::kWithin, 0.05, "ratio"};
  const auto add = [&](std::string name, const results::Expectation& expected, Microseconds grown) {
    arm.checks.push_back(
        measure::ExactCheck(std::move(name), expected, PartOf(before, after, grown)));
  };
  // One task alone: whenever it stalls, all do, at every level.
  for (size_t i = 0; i < levels.size(); ++i) {
    const cgroup::Pressure& from = before.levels[i];
    const cgroup::Pressure& to = after.levels[i];
    add(fmt::format("time that {} stalled on I/O (some)", levels[i].first), stalled,
        to.some_total - from.some_total);
    add(fmt::format("the same of {} (full)", levels[i].first), stalled,
        to.full_total - from.full_total);
  }
  add("stall of the idle neighbour (some)", {0, Relation::kAtMost, 0, "ratio"},
      after.idle.some_total - before.idle.some_total);
  arm.notes.push_back(fmt::format(
      "by its own clock the reader waited {:.3f} of the time",
      Seconds(after.waited - before.waited).count() / Seconds(after.at - before.at).count()));
  arm.load = {BytesDone("reader", KiB(4) * 20, job.Mark().done)};
  return arm;
}

}  // namespace

Claim IoStatAttribution() {
  return {
      .id = "io.stat",
      .statement =
          "io.stat counts exactly what a container read and wrote, there and in every "
          "group above it, and nowhere else.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"io.stat\"; block/blk-cgroup.c, "
          "blk_cgroup_bio_start()",
      .needs = IoNeeds(),
      .explanation =
          {.tree = "kubepods ── besteffort ─┬─ pod busy ─┬─ reader\n"
                   "                        │            └─ writer\n"
                   "                        └─ pod idle ── main",
           .load = "reader reads 300 blocks of 4 KiB in random order, writer writes 150 blocks of "
                   "16 KiB, both through io_uring with O_DIRECT.",
           .expected =
               "rbytes 1228800 and rios 300 in reader, wbytes 2457600 and wios 150 in writer, "
               "both in their pod, in besteffort and in kubepods, nothing in idle. (In the control "
               "arm besteffort and kubepods count them too.)",
           .tolerance = "None: they are counted.",
           .control = "Both processes are in idle."},
      .measure = MeasureStat};
}

Claim IoPressure() {
  return {.id = "io.pressure",
          .statement =
              "io.pressure shows how long a container waits for a disk, in the container and "
              "in every group above it, and nothing in a neighbour that does not.",
          .source = "Documentation/accounting/psi.rst; KEP-4205",
          .needs = IoNeeds(),
          .explanation =
              {.tree = "besteffort ─┬─ pod busy ── main   io.max riops=20\n"
                       "            └─ pod idle ── main",
               .load = "A process in busy wants to pread(2) 40 blocks of 4 KiB a second, one at a "
                       "time, for 3 s. It keeps to one CPU: PSI weighs CPUs by their part of the "
                       "time, and shows less of a task that moves.",
               .expected =
                   "It is behind all the time, so it stalls all the time, and nobody else of "
                   "kubepods runs: some and full grow as fast as the clock in the container, the "
                   "pod, besteffort and kubepods. idle: 0.",
               .tolerance =
                   "5 %: the time that a late reader works between two blocks, well below a "
                   "millisecond of the 50 that each takes, also on a CPU that it must wait for.",
               .control = "No io.max: a read takes a millisecond of every 25."},
          .measure = MeasurePressure};
}

}  // namespace nodeproof::conformance
