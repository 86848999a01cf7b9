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
#include "harness/io/cost_model.h"
#include "harness/io/disk.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::bench {
namespace {

constexpr Bytes kFile = MiB(32);

enum class Beside { kNobody, kNeighbour };

// What iocost takes the disk for where weights are measured: far less than it does, so that the
// kernel has something to divide.
constexpr int kModelIops = 400;

struct IoCase {
  const char* id;
  const char* what;
  RingJob job;
  int64_t iterations = 500;
  Beside beside = Beside::kNobody;
  const char* limit = nullptr;  // io.max of the own group, after the device's number
  // io.weight of the own group and of the neighbour's, divided by iocost.
  struct Weights {
    const char* own = nullptr;
    const char* neighbours = nullptr;
  } weights = {};
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
    {"io.randread.4k.under-max",
     "Random reads of 4 KiB, 8 in flight, in a group with an io.max of 500 reads a second.",
     {false, true, KiB(4), 8},
     100,
     Beside::kNobody,
     "riops=500"},
    {"io.randread.4k.weighted",
     "Random reads of 4 KiB, 8 in flight, in a group of io.weight 1000 beside a neighbour's writes "
     "of 128 KiB, 8 in flight, in one of 10, where iocost divides 400 operations a second.",
     {false, true, KiB(4), 8},
     200,
     Beside::kNeighbour,
     nullptr,
     {"default 1000", "default 10"}},
    {"io.randread.4k.equal-weights",
     "The same with an io.weight of 100 for both.",
     {false, true, KiB(4), 8},
     200,
     Beside::kNeighbour,
     nullptr,
     {"default 100", "default 100"}},
};

struct Ground {
  probe::ScratchFile file;
  std::optional<probe::ScratchFile> neighbours_file;
  std::optional<Nest> neighbours_group;
  std::optional<Loop> neighbour;
  std::unique_ptr<Ring> ring;
};

Status StartNeighbour(const Context& context, const char* weight, Ground& ground) {
  ground.neighbours_file.emplace(
      TRY(probe::ScratchFile::Write(*context.environment().scratch, kFile)));
  if (weight != nullptr) {
    ground.neighbours_group.emplace(TRY(Nest::Make(*context.environment().capsule, "neighbour", 1,
                                                   {"io"}, {{"io.weight", weight}})));
  }
  const auto path = ground.neighbours_file->path();
  ground.neighbour.emplace(TRY(Loop::Start(
      {.name = "io-neighbour",
       .group = ground.neighbours_group ? &ground.neighbours_group->leaf() : nullptr},
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
  if (io_case.weights.own != nullptr) {
    TRY(WriteKnobs(context.group(), {{"io.weight", io_case.weights.own}}));
  }
  if (io_case.limit != nullptr) {
    const auto disk = TRY(io::DiskOf(ground.file.path().string()));
    TRY(WriteKnobs(context.group(),
                   {{"io.max", fmt::format("{} {}", disk.number, io_case.limit)}}));
  }
  if (io_case.beside == Beside::kNeighbour) {
    TRY(StartNeighbour(context, io_case.weights.neighbours, ground));
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
    const int64_t neighbours = ground->neighbour->Done() - before;
    if (neighbours == 0) return Fail("the neighbour wrote nothing");
    if (io_case.weights.own != nullptr) {
      context.Report({"share of operations", "ratio", Better::kHigher,
                      static_cast<double>(blocks) / static_cast<double>(blocks + neighbours)});
    }
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

// io.weight does nothing until a controller divides the disk by it.
Result<std::shared_ptr<void>> TurnIocostOn(const Environment& environment) {
  const io::Disk disk = TRY(io::DiskOf(environment.scratch->string()));
  return TRY(io::CostModel::TurnOn(*environment.capsule, disk, kModelIops));
}

Needs NeedsOf(const IoCase& io_case) {
  Needs needs{.scratch = true};
  if (io_case.weights.own != nullptr) {
    needs.own_node = true;
    needs.why_own_node = "it sets the disk's io.cost.model and io.cost.qos";
  }
  return needs;
}

}  // namespace

void RegisterIoBenches(Registry& registry) {
  for (const IoCase& io_case : kCases) {
    const bool weighted = io_case.weights.own != nullptr;
    registry.Add({.id = io_case.id,
                  .what = io_case.what,
                  .needs = NeedsOf(io_case),
                  .place = weighted || io_case.limit != nullptr ? Place{1, {"io"}, {}} : Place{},
                  .unit = benchmark::kMicrosecond,
                  .manual_time = true,
                  .repetitions = 3,
                  .iterations = io_case.iterations,
                  .thorough_factor = 40,
                  .budget = Seconds(120),
                  .around = weighted ? TurnIocostOn : nullptr,
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
