#include "bench/io/io_benches.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/io/ring.h"
#include "bench/mechanics/loop.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/io/disk.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::bench {
namespace {

constexpr Bytes kFile = MiB(32);

enum class Beside { kNobody, kNeighbour };

struct IoCase {
  const char* id;
  const char* what;
  RingJob job;
  int64_t iterations = 500;
  Beside beside = Beside::kNobody;
  const char* victim_weight = nullptr;  // io.weight of the own group
  const char* limit = nullptr;          // io.max of the own group, after the device's number
};

constexpr IoCase kCases[] = {
    {"io.randread.4k.qd1", "Random reads of 4 KiB, one in flight.", {false, true, KiB(4), 1}},
    {"io.randread.4k.qd8", "Random reads of 4 KiB, 8 in flight.", {false, true, KiB(4), 8}},
    {"io.randread.4k.qd32", "Random reads of 4 KiB, 32 in flight.", {false, true, KiB(4), 32}},
    {"io.randwrite.4k.qd1", "Random writes of 4 KiB, one in flight.", {true, true, KiB(4), 1}},
    {"io.randwrite.4k.qd8", "Random writes of 4 KiB, 8 in flight.", {true, true, KiB(4), 8}},
    {"io.randwrite.4k.qd32", "Random writes of 4 KiB, 32 in flight.", {true, true, KiB(4), 32}},
    {"io.seqread.128k.qd1", "Sequential reads of 128 KiB.", {false, false, KiB(128), 1}, 200},
    {"io.seqread.128k.qd8", "The same, 8 in flight.", {false, false, KiB(128), 8}, 200},
    {"io.seqwrite.128k.qd1", "Sequential writes of 128 KiB.", {true, false, KiB(128), 1}, 200},
    {"io.seqwrite.128k.qd8", "The same, 8 in flight.", {true, false, KiB(128), 8}, 200},
    {"io.randread.4k.beside-neighbour",
     "Random reads of 4 KiB, one in flight, beside a neighbour's writes of 128 KiB, 8 in flight.",
     {false, true, KiB(4), 1},
     200,
     Beside::kNeighbour},
    {"io.randread.4k.weighted",
     "The same in a group of io.weight 1000 beside a neighbour in one of weight 10.",
     {false, true, KiB(4), 1},
     200,
     Beside::kNeighbour,
     "default 1000"},
    {"io.randread.4k.under-max",
     "Random reads of 4 KiB, 8 in flight, in a group with an io.max of 500 reads a second.",
     {false, true, KiB(4), 8},
     100,
     Beside::kNobody,
     nullptr,
     "riops=500"},
};

struct Ground {
  probe::ScratchFile file;
  std::optional<probe::ScratchFile> neighbours_file;
  std::optional<Nest> neighbours_group;
  std::optional<Loop> neighbour;
  std::unique_ptr<Ring> ring;
};

Status StartNeighbour(const Context& context, bool weighted, Ground& ground) {
  ground.neighbours_file.emplace(
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile)));
  if (weighted) {
    ground.neighbours_group.emplace(TRY(Nest::Make(*context.environment().capsule, "neighbour", 1,
                                                   {"io"}, {{"io.weight", "default 10"}})));
  }
  const auto path = ground.neighbours_file->path();
  ground.neighbour.emplace(TRY(Loop::Start(
      {.name = "io-neighbour", .group = weighted ? &ground.neighbours_group->leaf() : nullptr},
      [path]() -> Result<Operation> {
        std::shared_ptr<Ring> ring = TRY(Ring::Open(
            path, kFile, {.write = true, .random = false, .block = KiB(128), .depth = 8}, 1));
        return Operation([ring] { return ring->Next(); });
      })));
  return ground.neighbour->AwaitReady(Seconds(20));
}

Result<Ground> MakeGround(const IoCase& io_case, const Context& context) {
  Ground ground{TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile)), std::nullopt,
                std::nullopt, std::nullopt, nullptr};
  if (io_case.victim_weight != nullptr) {
    TRY(WriteKnobs(context.group(), {{"io.weight", io_case.victim_weight}}));
  }
  if (io_case.limit != nullptr) {
    const auto disk = TRY(io::DiskOf(ground.file.path().string()));
    TRY(WriteKnobs(context.group(),
                   {{"io.max", fmt::format("{} {}", disk.number, io_case.limit)}}));
  }
  if (io_case.beside == Beside::kNeighbour) {
    TRY(StartNeighbour(context, io_case.victim_weight != nullptr, ground));
  }
  ground.ring = TRY(Ring::Open(ground.file.path(), kFile, io_case.job, context.environment().seed));
  return ground;
}

Status MeasureIo(const IoCase& io_case, Context& context, benchmark::State& state) {
  Ground* ground = TRY(context.Keep<Ground>([&] { return MakeGround(io_case, context); }));
  // What was under way while the clock stood waited for us, not for the disk.
  for (unsigned i = 0; i < io_case.job.depth; ++i) TRY(ground->ring->Next());
  const int64_t before = ground->neighbour ? ground->neighbour->Done() : 0;
  int64_t blocks = 0;
  const Nanoseconds start = MonotonicClock().Now();
  for (auto _ : state) {
    const Nanoseconds took = TRY(ground->ring->Next());
    context.Latency(took);
    state.SetIterationTime(Seconds(took).count());
    ++blocks;
  }
  const Seconds took = MonotonicClock().Now() - start;
  context.Report({"rate", "1/s", Better::kHigher, static_cast<double>(blocks) / took.count()});
  context.Report({"bandwidth", "bytes/s", Better::kHigher,
                  static_cast<double>(blocks * io_case.job.block.value) / took.count()});
  if (ground->neighbour) {
    TRY(ground->neighbour->Check());
    if (ground->neighbour->Done() == before) return Fail("the neighbour wrote nothing");
  }
  return {};
}

Status MeasureFsync(Context& context, benchmark::State& state) {
  const auto* file = TRY(context.Keep<probe::ScratchFile>(
      [&] { return probe::ScratchFile::Write(*context.environment().scratch, MiB(1)); }));
  const Fd fd = TRY(OpenAt(AT_FDCWD, file->path().string(), O_RDWR));
  const std::string page(4096, 'x');
  for (auto _ : state) {
    TRY(context.TimeIteration(state, [&]() -> Status {
      if (::pwrite(fd.get(), page.data(), page.size(), 0) == 4096 && ::fsync(fd.get()) == 0) {
        return {};
      }
      return FailErrno(errno, "write and fsync");
    }));
  }
  return {};
}

}  // namespace

void RegisterIoBenches(Registry& registry) {
  for (const IoCase& io_case : kCases) {
    const bool grouped = io_case.victim_weight != nullptr || io_case.limit != nullptr;
    registry.Add({.id = io_case.id,
                  .what = io_case.what,
                  .needs = {.scratch = true},
                  .place = grouped ? Place{1, {"io"}, {}} : Place{},
                  .unit = benchmark::kMicrosecond,
                  .manual_time = true,
                  .repetitions = 3,
                  .iterations = io_case.iterations,
                  .thorough_factor = 40,
                  .budget = Seconds(120),
                  .run = [&io_case](Context& context, benchmark::State& state) {
                    return MeasureIo(io_case, context, state);
                  }});
  }
  registry.Add({.id = "io.fsync.4k",
                .what = "A buffered write of 4 KiB and its fsync.",
                .needs = {.scratch = true},
                .unit = benchmark::kMicrosecond,
                .manual_time = true,
                .iterations = 50,
                .budget = Seconds(120),
                .run = MeasureFsync});
}

}  // namespace nodeproof::bench
