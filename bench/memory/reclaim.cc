// memory.reclaim by kind of memory, and what coming back costs.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "bench/core/context.h"
#include "bench/mechanics/region.h"
#include "bench/memory/memory_benches.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/scratch_file.h"
#include "harness/probe/swap_file.h"

namespace nodeproof::bench {
namespace {

constexpr Bytes kFile = MiB(32);
constexpr Bytes kTarget = MiB(16);  // to be reclaimed

enum class Kind { kClean, kDirty, kAnon };

struct ReclaimCase {
  const char* id;
  const char* what;
  Kind kind;
};
constexpr ReclaimCase kReclaims[] = {
    {"memory.reclaim.clean", "memory.reclaim of 16 MiB of clean page cache.", Kind::kClean},
    {"memory.reclaim.dirty", "memory.reclaim of 16 MiB of dirty page cache.", Kind::kDirty},
    {"memory.reclaim.anon-swap", "memory.reclaim of 16 MiB of anonymous memory to a swap file.",
     Kind::kAnon}};

Result<probe::ScratchFile> MakeFile(const Context& context) {
  return probe::ScratchFile::Write(*context.environment().scratch, kFile);
}

Status ReadThrough(const Fd& file) {
  std::vector<char> buffer(1 << 20);
  for (int64_t at = 0; at < kFile.value; at += 1 << 20) {
    if (::pread(file.get(), buffer.data(), buffer.size(), at) < 0) {
      return FailErrno(errno, "read the scratch file");
    }
  }
  return {};
}

Status WriteThrough(const Fd& file) {
  const std::vector<char> buffer(1 << 20, 'x');
  for (int64_t at = 0; at < kFile.value; at += 1 << 20) {
    if (::pwrite(file.get(), buffer.data(), buffer.size(), at) < 0) {
      return FailErrno(errno, "write the scratch file");
    }
  }
  return {};
}

// Asks until `amount` is gone: what is dirty cannot all go at once (EAGAIN), its writeback is on
// the way then.
Result<Bytes> Reclaim(const cgroup::Cgroup& group, Bytes amount) {
  if (!group.Has("memory.reclaim")) return Unsupported("the kernel has no memory.reclaim (5.19)");
  const Clock& clock = MonotonicClock();
  const Nanoseconds deadline = clock.Now() + std::chrono::seconds(15);
  const Bytes before{TRY(cgroup::ReadNumber(group, "memory.current"))};
  Bytes gone{0};
  while (gone < amount) {
    const auto asked = group.Write("memory.reclaim", fmt::format("{}", (amount - gone).value));
    if (!asked && asked.error().code != EAGAIN) return std::unexpected(asked.error());
    gone = before - Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))};
    // Page counters are batched: up to 64 pages a CPU are charged that nobody uses.
    if (asked && gone < amount) break;
    if (clock.Now() > deadline) {
      return Fail("memory.reclaim freed {} of {} in 15 s", FormatBytes(gone), FormatBytes(amount));
    }
  }
  return gone;
}

struct ReclaimGround {
  std::optional<probe::ScratchFile> file;
  Fd fd;
  std::optional<Region> region;
};

Result<ReclaimGround> MakeGround(const Context& context, Kind kind) {
  ReclaimGround ground;
  if (kind == Kind::kAnon) {
    ground.region.emplace(TRY(Region::Map(kFile, Pages::k4K)));
    return ground;
  }
  ground.file.emplace(TRY(MakeFile(context)));
  ground.fd = TRY(OpenAt(AT_FDCWD, ground.file->path().string(), O_RDWR));
  return ground;
}

Status Fill(const ReclaimGround& ground, Kind kind) {
  if (kind == Kind::kClean) return ReadThrough(ground.fd);
  if (kind == Kind::kDirty) return WriteThrough(ground.fd);
  TRY(ground.region->Drop());
  ground.region->Touch(KiB(4));
  return {};
}

Status MeasureReclaim(Kind kind, Context& context, benchmark::State& state) {
  const ReclaimGround* ground =
      TRY(context.Keep<ReclaimGround>([&] { return MakeGround(context, kind); }));
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    TRY(Fill(*ground, kind));
    const Nanoseconds before = clock.Now();
    const Bytes gone = TRY(Reclaim(context.group(), kTarget));
    const Seconds took = clock.Now() - before;
    state.SetIterationTime(took.count());
    context.Report(
        {"rate", "bytes/s", Better::kHigher, static_cast<double>(gone.value) / took.count()});
  }
  return {};
}

// Reads pages that reclaim took, in random order, without read-ahead.
Status MeasureRefault(Context& context, benchmark::State& state) {
  const ReclaimGround* ground =
      TRY(context.Keep<ReclaimGround>([&] { return MakeGround(context, Kind::kClean); }));
  ::posix_fadvise(ground->fd.get(), 0, 0, POSIX_FADV_RANDOM);
  TRY(ReadThrough(ground->fd));
  TRY(Reclaim(context.group(), kFile - MiB(4)));
  std::vector<int64_t> pages(static_cast<size_t>(kFile.value / 4096));
  for (size_t i = 0; i < pages.size(); ++i) pages[i] = static_cast<int64_t>(i);
  std::ranges::shuffle(pages, context.random());
  const auto refaults = [&]() -> Result<int64_t> {
    return TRY(cgroup::ReadKeyed(context.group(), "memory.stat")).Get("workingset_refault_file");
  };
  const int64_t refaults_before = TRY(refaults());
  size_t next = 0;
  char page[4096];
  for (auto _ : state) {
    const int64_t at = pages[next++ % pages.size()] * 4096;
    TRY(context.TimeIteration(state, [&]() -> Status {
      if (::pread(ground->fd.get(), page, sizeof page, at) == sizeof page) return {};
      return FailErrno(errno, "read the scratch file");
    }));
  }
  // An eighth of the file may still be there (Reclaim() above), so most reads must be refaults.
  const int64_t came_back = TRY(refaults()) - refaults_before;
  if (came_back < static_cast<int64_t>(next) / 2) {
    return Fail("{} of {} reads were refaults", came_back, next);
  }
  return {};
}

// Stands while the benchmark's process does, whose memory is in it.
Result<std::shared_ptr<void>> TurnSwapOn(const Environment& environment) {
  return TRY(probe::SwapFile::Make(*environment.scratch, MiB(64)));
}

const Place kGroup{1, {"memory"}, {}};

}  // namespace

void AddReclaim(Registry& registry) {
  for (const ReclaimCase& reclaim : kReclaims) {
    const bool swaps = reclaim.kind == Kind::kAnon;
    registry.Add({.id = reclaim.id,
                  .what = reclaim.what,
                  .needs = {.memory = MiB(256),
                            .scratch = true,
                            .own_node = swaps,
                            .why_own_node = swaps ? "it turns swap on" : ""},
                  .place = kGroup,
                  .unit = benchmark::kMillisecond,
                  .manual_time = true,
                  .iterations = 1,
                  .budget = Seconds(120),
                  .around = swaps ? TurnSwapOn : nullptr,
                  .run = [&reclaim](Context& context, benchmark::State& state) {
                    return MeasureReclaim(reclaim.kind, context, state);
                  }});
  }
  registry.Add({.id = "memory.refault.file",
                .what = "Reading 4 KiB that reclaim took from the page cache.",
                .needs = {.memory = MiB(256), .scratch = true},
                .place = kGroup,
                .unit = benchmark::kMicrosecond,
                .manual_time = true,
                .iterations = 500,
                .budget = Seconds(120),
                .run = MeasureRefault});
}

}  // namespace nodeproof::bench
