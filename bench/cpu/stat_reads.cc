// What it costs a monitor to read a group's files: it keeps them open and reads them from the start
// (pread), as a sampler does.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/cpu/cpu_benches.h"
#include "harness/base/file.h"
#include "harness/base/mounts.h"

namespace nodeproof::bench {
namespace {

struct StatFile {
  const char* name;  // in ids
  const char* file;
};
constexpr StatFile kStatFiles[] = {{"cpu-stat", "cpu.stat"},
                                   {"memory-stat", "memory.stat"},
                                   {"cpu-pressure", "cpu.pressure"},
                                   {"memory-pressure", "memory.pressure"}};
constexpr int kManyGroups = 100;

struct OpenStats {
  Nest groups;
  std::vector<Fd> files;
};

Result<Fd> OpenStat(const cgroup::Cgroup& group, const char* file) {
  if (!group.Has(file)) return Unsupported("the kernel has no {} (cgroup {})", file, group.path());
  return OpenAt(group.fd(), file, O_RDONLY);
}

// One file `depth` deep, or `count` of them side by side.
Result<OpenStats> OpenThem(const cgroup::Cgroup& capsule, const char* file, int depth, int count) {
  OpenStats stats{TRY(Nest::Make(capsule, "read", depth, kGroupControllers)), {}};
  if (count == 1) {
    stats.files.push_back(TRY(OpenStat(stats.groups.leaf(), file)));
    return stats;
  }
  TRY(stats.groups.leaf().EnableControllers(kGroupControllers));
  for (int i = 0; i < count; ++i) {
    const auto group = TRY(stats.groups.leaf().CreateChild(fmt::format("group-{}", i)));
    stats.files.push_back(TRY(OpenStat(group, file)));
  }
  return stats;
}

Status MeasureReads(const char* file, int depth, int count, Context& context,
                    benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const OpenStats* stats = TRY(context.Keep<OpenStats>(
      [&] { return OpenThem(*context.environment().capsule, file, depth, count); }));
  char buffer[16384];
  for (auto _ : state) {
    for (const Fd& each : stats->files) {
      if (::pread(each.get(), buffer, sizeof buffer, 0) <= 0) {
        return FailErrno(errno, fmt::format("read {}", file));
      }
    }
  }
  return {};
}

// The root group, which anybody may read where a unified hierarchy is mounted, alone or beside
// v1's.
Result<Fd> OpenRootStat(const char* file) {
  const auto mounts = TRY(ReadMounts());
  const Mount* unified = FindMount(mounts, "cgroup2");
  if (unified == nullptr) return Unsupported("no cgroup2 file system is mounted");
  const std::string path = fmt::format("{}/{}", unified->point, file);
  if (auto opened = OpenAt(AT_FDCWD, path, O_RDONLY)) return opened;
  return Unsupported("the kernel has no {}", path);
}

Status MeasureRootReads(const char* file, Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Fd opened = TRY(OpenRootStat(file));
  char buffer[16384];
  for (auto _ : state) {
    if (::pread(opened.get(), buffer, sizeof buffer, 0) <= 0) {
      return FailErrno(errno, fmt::format("read {}", file));
    }
  }
  return {};
}

void AddReads(Registry& registry, const StatFile& file, const std::string& which,
              const std::string& where, int depth, int count) {
  registry.Add({.id = fmt::format("cpu.read.{}.{}", file.name, which),
                .what = fmt::format("Reading {} of {} once.", file.file, where),
                .needs = {.controllers = kGroupControllers},
                .unit = benchmark::kMicrosecond,
                .run = [&file, depth, count](Context& context, benchmark::State& state) {
                  return MeasureReads(file.file, depth, count, context, state);
                }});
}

}  // namespace

void AddStatReads(Registry& registry) {
  for (const StatFile& file : kStatFiles) {
    registry.Add({.id = fmt::format("cpu.read.{}.root", file.name),
                  .what = fmt::format("Reading {} of the root group once.", file.file),
                  .needs = {},
                  .unit = benchmark::kMicrosecond,
                  .run = [&file](Context& context, benchmark::State& state) {
                    return MeasureRootReads(file.file, context, state);
                  }});
    for (const int depth : {1, 6}) {
      AddReads(registry, file, fmt::format("depth-{}", depth),
               fmt::format("a group {} deep", depth), depth, 1);
    }
    AddReads(registry, file, fmt::format("groups-{}", kManyGroups),
             fmt::format("{} groups", kManyGroups), 1, kManyGroups);
  }
}

}  // namespace nodeproof::bench
