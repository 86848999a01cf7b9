// What groups cost to make and to remove.
#include <algorithm>

#include "bench/core/context.h"
#include "bench/core/nest.h"
#include "bench/cpu/cpu_benches.h"
#include "bench/mechanics/births.h"
#include "harness/base/clock.h"

namespace nodeproof::bench {
namespace {

// Below a nest of `depth` - 1 groups, so that the new one is `depth` deep.
Status MeasureCreateDestroy(int depth, Context& context, benchmark::State& state) {
  const Nest* nest = nullptr;
  if (depth > 1) {
    nest = TRY(context.Keep<Nest>([&] {
      return Nest::Make(*context.environment().capsule, "parents", depth - 1, kGroupControllers);
    }));
    TRY(nest->leaf().EnableControllers(kGroupControllers));
  } else {
    TRY(context.environment().capsule->EnableControllers(kGroupControllers));
  }
  const cgroup::Cgroup& parent = nest != nullptr ? nest->leaf() : *context.environment().capsule;
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nanoseconds before = clock.Now();
    TRY(TRY(parent.CreateChild("short-lived")).Destroy());
    context.Latency(clock.Now() - before);
  }
  return {};
}

// capsule ── pods ─┬─ pod-0 ── container
//                  ├─ pod-1 ── container
//                  └─ …
constexpr int kPods = 500;

Status MakePods(const Nest& pods) {
  TRY(pods.leaf().EnableControllers(kGroupControllers));
  for (int i = 0; i < kPods; ++i) {
    const cgroup::Cgroup pod = TRY(pods.leaf().CreateChild(fmt::format("pod-{}", i)));
    TRY(pod.EnableControllers(kGroupControllers));
    const cgroup::Cgroup container = TRY(pod.CreateChild("container"));
    TRY(container.Write("cpu.weight", "79"));
    TRY(container.Write("memory.max", "134217728"));
    TRY(container.Write("pids.max", "1000"));
  }
  return {};
}

Status MeasurePodTree(Context& context, benchmark::State& state) {
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nanoseconds start = clock.Now();
    Nanoseconds made{0};
    {
      const Nest pods =
          TRY(Nest::Make(*context.environment().capsule, "pods", 1, kGroupControllers));
      TRY(MakePods(pods));
      made = clock.Now();
    }
    context.Report({"create", "nsec", Better::kLower, static_cast<double>((made - start).count())});
    context.Report(
        {"destroy", "nsec", Better::kLower, static_cast<double>((clock.Now() - made).count())});
  }
  return {};
}

// What an agent does to start a container: its group with every limit, a process born in it. And
// what it does when the process has ended.
Status MeasureContainer(Context& context, benchmark::State& state) {
  TRY(context.Pin(context.QuietCpu()));
  const cgroup::Cgroup& parent = *context.environment().capsule;
  TRY(parent.EnableControllers(kGroupControllers));
  const Clock& clock = MonotonicClock();
  for (auto _ : state) {
    const Nanoseconds before = clock.Now();
    const cgroup::Cgroup group = TRY(parent.CreateChild("container"));
    TRY(WriteKnobs(group, {{"cpu.weight", "79"},
                           {"cpu.max", "100000 100000"},
                           {"memory.max", "134217728"},
                           {"memory.min", "67108864"},
                           {"memory.high", "120000000"},
                           {"pids.max", "1000"}}));
    TRY(BirthAndDeath(Birth::kClone3Into, &group));
    TRY(group.Destroy());
    context.Latency(clock.Now() - before);
  }
  return {};
}

}  // namespace

void AddGroupCosts(Registry& registry) {
  for (const int depth : {1, 3, 6}) {
    registry.Add({.id = fmt::format("cpu.group.create-destroy.depth-{}", depth),
                  .what = fmt::format(
                      "mkdir and rmdir of a group {} deep with cpu, memory and pids.", depth),
                  .needs = {.controllers = kGroupControllers},
                  .unit = benchmark::kMicrosecond,
                  .run = [depth](Context& context, benchmark::State& state) {
                    return MeasureCreateDestroy(depth, context, state);
                  }});
  }
  registry.Add({.id = "cpu.birth.container",
                .what = "A group with every limit, a process born in it, its end, the group's end.",
                .needs = {.controllers = kGroupControllers},
                .unit = benchmark::kMicrosecond,
                .run = MeasureContainer});
  registry.Add({.id = "cpu.group.tree-500-pods",
                .what = "A tree of 500 pods of one container each, with limits: made and removed.",
                .needs = {.controllers = kGroupControllers},
                .unit = benchmark::kMillisecond,
                .repetitions = 3,
                .iterations = 1,
                .budget = Seconds(120),
                .run = MeasurePodTree});
}

}  // namespace nodeproof::bench
