// Births of processes, in the caller's group and into others, and moves between groups.
#include "bench/mechanics/births.h"

#include <pthread.h>
#include <unistd.h>

#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/cpu/cpu_benches.h"
#include "harness/base/clock.h"
#include "harness/cgroup/process.h"

namespace nodeproof::bench {
namespace {

struct BirthCase {
  const char* id;
  const char* what;
  Birth birth;
  int depth = 0;  // of the group that the child is born in or moved to; 0: none
};

constexpr BirthCase kBirths[] = {
    {"cpu.birth.fork", "fork, _exit and wait.", Birth::kFork},
    {"cpu.birth.vfork", "vfork, _exit and wait.", Birth::kVfork},
    {"cpu.birth.clone3-into.depth-1", "clone3 into a group, _exit and wait.", Birth::kClone3Into,
     1},
    {"cpu.birth.clone3-into.depth-3", "clone3 into a group 3 deep, _exit and wait.",
     Birth::kClone3Into, 3},
    {"cpu.birth.clone3-into.depth-6", "clone3 into a group 6 deep, _exit and wait.",
     Birth::kClone3Into, 6},
    {"cpu.birth.fork-migrate.depth-1", "fork, cgroup.procs of a group, _exit and wait.",
     Birth::kForkThenMigrate, 1},
    {"cpu.birth.fork-migrate.depth-3", "fork, cgroup.procs of a group 3 deep, _exit and wait.",
     Birth::kForkThenMigrate, 3},
};

Status MeasureBirths(const BirthCase& birth, Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Nest* nest = nullptr;
  if (birth.depth > 0) {
    nest = TRY(context.Keep<Nest>([&] {
      return Nest::Make(*context.environment().capsule, "nursery", birth.depth, kGroupControllers);
    }));
  }
  const Clock& clock = MonotonicClock();
  Nanoseconds before = clock.Now();
  for (auto _ : state) {
    TRY(BirthAndDeath(birth.birth, nest != nullptr ? &nest->leaf() : nullptr));
    const Nanoseconds now = clock.Now();
    context.Latency(now - std::exchange(before, now));
  }
  return {};
}

Status MeasureThreads(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  for (auto _ : state) {
    pthread_t thread{};
    const auto body = [](void* argument) { return argument; };
    const int code = ::pthread_create(&thread, nullptr, body, nullptr);
    if (code != 0) return FailErrno(code, "start a thread");
    ::pthread_join(thread, nullptr);
  }
  return {};
}

// Two sibling groups and a sleeping process that goes to and fro.
struct Commuter {
  Nest home;
  Nest work;
  cgroup::Process process;
};

Result<Commuter> StartCommuter(const cgroup::Cgroup& capsule) {
  Nest home = TRY(Nest::Make(capsule, "home", 1, kGroupControllers));
  Nest work = TRY(Nest::Make(capsule, "work", 1, kGroupControllers));
  cgroup::Process process =
      TRY(cgroup::Process::Spawn({.name = "commuter", .group = &home.leaf()}, [] {
        for (;;) ::pause();
        return 0;
      }));
  return Commuter{std::move(home), std::move(work), std::move(process)};
}

Status MeasureMoves(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const Commuter* commuter =
      TRY(context.Keep<Commuter>([&] { return StartCommuter(*context.environment().capsule); }));
  const std::string pid = fmt::format("{}", commuter->process.pid());
  bool at_work = false;
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    at_work = !at_work;
    const Nanoseconds before = clock.Now();
    TRY((at_work ? commuter->work : commuter->home).leaf().Write("cgroup.procs", pid));
    context.Latency(clock.Now() - before);
  }
  return {};
}

}  // namespace

void AddBirths(Registry& registry) {
  for (const BirthCase& birth : kBirths) {
    registry.Add(
        {.id = birth.id,
         .what = birth.what,
         .needs = {.controllers = birth.depth > 0 ? kGroupControllers : std::vector<std::string>()},
         .unit = benchmark::kMicrosecond,
         .run = [&birth](Context& context, benchmark::State& state) {
           return MeasureBirths(birth, context, state);
         }});
  }
  registry.Add({.id = "cpu.birth.thread",
                .what = "pthread_create and join of a thread that ends at once.",
                .unit = benchmark::kMicrosecond,
                .run = MeasureThreads});
  registry.Add({.id = "cpu.migrate.procs",
                .what = "cgroup.procs moves a sleeping process to a sibling group.",
                .needs = {.controllers = kGroupControllers},
                .unit = benchmark::kMicrosecond,
                .run = MeasureMoves});
}

}  // namespace nodeproof::bench
