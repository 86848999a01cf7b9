// io.max at every level of the tree at once.
#include <iterator>

#include "conformance/io/io_claims.h"
#include "conformance/io/io_steps.h"
#include "conformance/io/rate_meter.h"
#include "conformance/pods.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

using Direction = io::IoJobOptions::Direction;

constexpr Bytes kFile = MiB(4);
constexpr Bytes kBlock = KiB(16);
constexpr double kTolerance = 0.05;
// Of blocks under way. Each level lets a block wait until its next slice of 100 ms: what waits at
// the four of them is no longer in the queue of the first, which must not run empty, because a
// level forgets the budget that nobody asks for.
constexpr Seconds kUnderWay{1};

// A container's stream, and what it should get when all limits bind.
struct StreamSpec {
  std::string_view pod;
  std::string_view container;
  Bytes per_second;
};

// kubepods              8 MiB/s
// ├─ burstable ── pod c                           no limits: what is left, 5 MiB/s
// └─ besteffort         3 MiB/s
//    ├─ pod a           1.25 MiB/s
//    │  ├─ one          0.5 MiB/s
//    │  └─ two                                    0.75 MiB/s
//    └─ pod b                                     1.75 MiB/s
constexpr StreamSpec kStreams[] = {{"a", "one", KiB(512)},
                                   {"a", "two", KiB(768)},
                                   {"b", "main", KiB(1792)},
                                   {"c", "main", KiB(5120)}};

// A level, its limit, and how many of the streams above are below it.
struct Level {
  std::string_view name;
  Bytes limit;
  size_t streams;
};
constexpr Level kLevels[] = {{"container", KiB(512), 1},
                             {"pod", KiB(1280), 2},
                             {"QoS slice", KiB(3072), 3},
                             {"kubepods", KiB(8192), 4}};

// The limit of a level: bytes read everywhere; or of writes, bytes and operations by turns.
IoLimits LimitsOf(size_t level, Direction direction) {
  const int64_t bytes = kLevels[level].limit.value;
  if (direction == Direction::kRead) return {.rbps = bytes};
  if (level % 2 == 0) return {.wbps = bytes};
  return {.wiops = bytes / kBlock.value};
}

Status Limit(kubelet::Plan& plan, const io::Disk& disk, Direction direction) {
  std::string path = TRY(PathOfContainer(plan, "a", "one"));
  for (size_t level = 0; level < std::size(kLevels); ++level) {
    TRY(Override(plan, path, "io.max", IoMaxLine(disk, LimitsOf(level, direction)),
                 "set by the claim"));
    path = ParentPath(path);
  }
  return {};
}

struct Streams {
  std::vector<probe::ScratchFile> files;
  std::vector<io::IoJob> jobs;
};

Result<Streams> StartStreams(ArmContext& context, const capsule::Tree& tree, Direction direction,
                             const cgroup::StartGate& gate) {
  Streams streams;
  for (const StreamSpec& stream : kStreams) {
    streams.files.push_back(TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile)));
    streams.jobs.push_back(TRY(io::IoJob::Start(
        {.name = fmt::format("{}/{}", stream.pod, stream.container),
         .group = TRY(tree.Container(stream.pod, stream.container)),
         .file = streams.files.back().path(),
         .direction = direction,
         .block = kBlock,
         .depth = DepthFor(static_cast<double>(stream.per_second.value), kBlock, kUnderWay),
         .gate = &gate})));
  }
  for (io::IoJob& job : streams.jobs) TRY(job.AwaitReady(context.patience()));
  return streams;
}

Result<results::Arm> MeasureNested(ArmContext& context, Direction direction) {
  const bool is_protected = context.Protected();
  const io::Disk disk = TRY(ScratchDisk(context));
  const std::vector<kubelet::Pod> pods = {MakePod("a", {{.name = "one"}, {.name = "two"}}),
                                          MakePod("b", {{}}),
                                          MakePod("c", {{.cpu_request = "100m"}})};
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    return is_protected ? Limit(plan, disk, direction) : Status();
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, pods, edit));
  const cgroup::StartGate gate = TRY(cgroup::StartGate::Create());
  Streams streams = TRY(StartStreams(context, tree, direction, gate));
  std::vector<io::IoJob>& jobs = streams.jobs;
  gate.Open();

  std::vector<MeteredRate> rates;
  for (const Level& level : kLevels) {
    const auto limit = static_cast<double>(level.limit.value);
    rates.push_back({.name = fmt::format("bytes a second below the {}, of its limit", level.name),
                     .model = {.limit = limit, .grain = limit * kThrottleSlice.count()},
                     .done = [&jobs, streams = level.streams]() -> Result<double> {
                       double sum = 0;
                       for (size_t i = 0; i < streams; ++i) {
                         sum += static_cast<double>(jobs[i].Mark().done.value);
                       }
                       return sum;
                     }});
  }
  MeteredRates metered = TRY(MeterRates(context, rates, kTolerance, [&]() -> Status {
    for (io::IoJob& job : jobs) TRY(job.Check());
    return {};
  }));

  results::Arm arm = DescribedArm(tree, is_protected ? "io.max at four levels" : "no io.max");
  arm.checks = std::move(metered.checks);
  arm.notes.insert(arm.notes.end(), metered.notes.begin(), metered.notes.end());
  for (const io::IoJob& job : jobs) {
    arm.load.push_back(BytesDone(job.options().name, kBlock * 10, job.Mark().done));
  }
  return arm;
}

}  // namespace

Claim IoMaxNested() {
  return {
      .id = "io.max.nested",
      .statement =
          "The limits of io.max hold at every level of the tree: a group and all below it "
          "together get no more than its own, and as much.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"io.max\"; block/blk-throttle.c, "
          "throtl_dispatch_tg()",
      .needs = IoNeeds(),
      .explanation =
          {.tree = "kubepods               rbps 8 MiB\n"
                   "├─ burstable ── pod c  ── main\n"
                   "└─ besteffort          rbps 3 MiB\n"
                   "   ├─ pod a            rbps 1.25 MiB\n"
                   "   │  ├─ one           rbps 0.5 MiB\n"
                   "   │  └─ two\n"
                   "   └─ pod b ── main",
           .load = "In each of the four containers a process reads its file through io_uring with "
                   "O_DIRECT, a second's worth of blocks of 16 KiB under way.",
           .expected = "Every limit is used up: one gets 0.5 MiB a second, one and two together "
                       "1.25, all of besteffort 3, all of kubepods 8. Siblings take turns, so each "
                       "limit is below its share of the parent's.",
           .tolerance = "5 %, as for io.max.read-bps: a slice of 100 ms at both ends of the span, "
                        "and how late the node was.",
           .control = "No io.max anywhere."},
      .measure = [](ArmContext& context) { return MeasureNested(context, Direction::kRead); }};
}

Claim IoMaxNestedWrites() {
  return {
      .id = "io.max.nested-writes",
      .statement =
          "Writes are held down by the limit of every level of the tree, be it one of bytes or of "
          "operations.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"io.max\"; block/blk-throttle.c, "
          "throtl_dispatch_tg()",
      .needs = IoNeeds(),
      .explanation =
          {.tree = "kubepods               wiops 512\n"
                   "├─ burstable ── pod c  ── main\n"
                   "└─ besteffort          wbps 3 MiB\n"
                   "   ├─ pod a            wiops 80\n"
                   "   │  ├─ one           wbps 0.5 MiB\n"
                   "   │  └─ two\n"
                   "   └─ pod b ── main",
           .load = "As for io.max.nested, but each process writes its file.",
           .expected = "Every limit is used up. In blocks of 16 KiB 80 operations are 1.25 MiB, "
                       "and 512 are 8.",
           .tolerance = "5 %, as for io.max.read-bps: a slice of 100 ms at both ends of the span, "
                        "and how late the node was.",
           .control = "No io.max anywhere."},
      .measure = [](ArmContext& context) { return MeasureNested(context, Direction::kWrite); }};
}

}  // namespace nodeproof::conformance
