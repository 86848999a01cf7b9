// user_usec and system_usec of cpu.stat: which part of its CPU time a group spent in the kernel.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "conformance/arm_context.h"
#include "conformance/cpu/cpu_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/cgroup/worker.h"
#include "harness/measure/estimate.h"
#include "harness/measure/idle_time.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// Longer where this did not decide, so often at most.
constexpr Nanoseconds kWatch = std::chrono::seconds(3);
constexpr int kMostWatches = 4;

constexpr double kByTicks = 0.1;
constexpr results::Expectation kNearlyAll{1, Relation::kAtLeast, kByTicks, "ratio"};
// Of the ticks: with more lost the split of two loads is that of the ticks, not of their CPU time.
constexpr double kMostLost = 0.05;

// A hog that never enters the kernel of its own accord. One that asks for its CPU time, or at fixed
// intervals for anything, would do so in step with the tick that is to catch it in user space.
struct Rounds {
  std::atomic<uint64_t> rounds{0};
};
using Computer = cgroup::Worker<Rounds>;

int Compute(Rounds& counters, const cgroup::ReadySignal& ready) {
  ready.Notify();
  for (;;) ++counters.rounds;
}

double Part(Seconds part, Seconds whole) { return whole > Seconds(0) ? part / whole : 0; }

// What ticks fell into.
struct Ticks {
  Seconds user{0}, kernel{0};  // on all CPUs
  Seconds taken{0};            // by interrupts and a hypervisor, on one

  Ticks operator-(const Ticks& other) const {
    return {user - other.user, kernel - other.kernel, taken - other.taken};
  }
};

Result<Ticks> ReadTicks(const CpuSet& cpus, int taken_on) {
  const std::string stat = TRY(ReadFile("/proc/stat"));
  Ticks ticks;
  for (const int cpu : cpus) {
    ticks.user += TRY(measure::UserTimeIn(stat, cpu));
    ticks.kernel += TRY(measure::KernelTimeIn(stat, cpu));
  }
  ticks.taken = TRY(measure::TakenTimeIn(stat, taken_on));
  return ticks;
}

struct Watched {
  std::string name;
  const cgroup::Cgroup* group;
  cgroup::CpuStat stat = {};
};

// Of the containers that compute and that read, and of the levels above them, in this order.
struct Split {
  std::vector<results::Check> checks;
  std::vector<std::string> notes;
  bool unclear = false;
};

Split Judge(const std::vector<Watched>& groups, const Ticks& ticks) {
  const cgroup::CpuStat& computes = groups[0].stat;
  const cgroup::CpuStat& reads = groups[1].stat;
  // A CPU that is held up gets one tick for several: its load then weighs less in what is split by
  // ticks, and the tick falls where the hold-up let it. Where others run they hide some of that.
  const Seconds used = computes.usage + reads.usage;
  const Seconds ticked = ticks.user + ticks.kernel;
  const Seconds lost = std::max(used - ticked, Seconds(0));
  const bool by_ticks = lost > kMostLost * used;
  Split split;
  // Unclear what is outside by no more than `spoilt` can make.
  const auto add = [&](std::string name, const results::Expectation& expected, double value,
                       double spoilt) {
    results::Check check = measure::ExactCheck(std::move(name), expected, value);
    results::Expectation wider = expected;
    wider.tolerance += spoilt;
    if (check.finding == results::Finding::kOutside &&
        measure::Judge(wider, check.measured) != results::Finding::kOutside) {
      check.finding = results::Finding::kUnclear;
      split.unclear = true;
    }
    split.checks.push_back(std::move(check));
  };
  // An interrupt is its victim's time in the kernel, which does not spoil that of who reads.
  add("user_usec of the container that computes, of its usage_usec", kNearlyAll,
      Part(computes.user, computes.usage), Part(lost, used) + Part(ticks.taken, computes.usage));
  add("system_usec of the container that reads, of its usage_usec", kNearlyAll,
      Part(reads.system, reads.usage), Part(lost, used));
  for (size_t i = 0; i < groups.size(); ++i) {
    const cgroup::CpuStat& stat = groups[i].stat;
    add(fmt::format("user_usec and system_usec of {} less usage_usec", groups[i].name),
        {0, Relation::kWithin, 4, "usec"},
        static_cast<double>((stat.user + stat.system - stat.usage).count()), 0);
    if (i < 2) continue;
    add(fmt::format("part of user_usec of {} that the container that computes is", groups[i].name),
        {by_ticks ? Part(ticks.user, ticked) : Part(computes.usage, used), Relation::kWithin,
         kByTicks, "ratio"},
        Part(stat.user, stat.usage), Part(ticks.taken, used));
  }
  if (by_ticks) {
    split.notes.push_back(fmt::format("ticks tell of {} of {} that both used",
                                      FormatDuration(ticked), FormatDuration(used)));
  }
  split.notes.push_back(
      fmt::format("interrupts and a hypervisor took {} from the CPU that computes",
                  FormatDuration(ticks.taken)));
  return split;
}

// besteffort ── pod ─┬─ user      a hog that computes, on CPU N
//                    └─ system    a process that reads a file in memory over and over
Result<results::Arm> MeasureSplit(ArmContext& context) {
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {},
                        {MakePod("pod", {{.name = "user"}, {.name = "system"}})}));
  const cgroup::Cgroup* user = TRY(tree.Container("pod", "user"));
  const cgroup::Cgroup* system = TRY(tree.Container("pod", "system"));
  const Fd file = TRY(MemoryFile("nodeproof-read", true));
  if (::ftruncate(file.get(), MiB(1).value) != 0) return FailErrno(errno, "size a file in memory");
  const bool is_protected = context.Protected();
  auto hog = TRY(Computer::Start({.name = "hog",
                                  .group = is_protected ? user : system,
                                  .affinity = CpuSet{context.QuietCpu()}},
                                 Compute));
  stress::FileFlood reader =
      TRY(stress::FileFlood::Start({.name = "reader",
                                    .group = is_protected ? system : user,
                                    .file = fmt::format("/proc/self/fd/{}", file.get()),
                                    .amount = GiB(1 << 20)}));
  TRY(hog.AwaitReady(context.patience()));
  TRY(Await(context, "the reader", [&]() -> Result<bool> { return reader.Moved() >= MiB(2); }));

  std::vector<Watched> groups = {{"the container that computes", user},
                                 {"the container that reads", system},
                                 {"their pod", TRY(tree.Pod("pod"))},
                                 {"besteffort", TRY(tree.QosSlice("pod"))},
                                 {"kubepods", TRY(tree.NodeSlice())}};
  std::vector<cgroup::CpuStat> before;
  for (const Watched& each : groups) before.push_back(TRY(cgroup::ReadCpuStat(*each.group)));
  const Ticks ticks = TRY(ReadTicks(context.online(), context.QuietCpu()));
  const uint64_t rounds = hog.counters().rounds;
  const Bytes moved = reader.Moved();
  Split split;
  for (int watch = 1; watch == 1 || (split.unclear && watch <= kMostWatches); ++watch) {
    context.clock().WaitUntil(context.clock().Now() + kWatch);
    for (size_t i = 0; i < groups.size(); ++i) {
      groups[i].stat = TRY(cgroup::ReadCpuStat(*groups[i].group)) - before[i];
    }
    split = Judge(groups, TRY(ReadTicks(context.online(), context.QuietCpu())) - ticks);
  }

  results::Arm arm =
      DescribedArm(tree, is_protected ? "each in its container" : "the other way round");
  arm.checks = std::move(split.checks);
  arm.notes = std::move(split.notes);
  arm.load = {{"hog", "rounds", 1, static_cast<double>(hog.counters().rounds - rounds)},
              {"reader", "bytes", static_cast<double>(MiB(1).value),
               static_cast<double>((reader.Moved() - moved).value)}};
  return arm;
}

}  // namespace

Claim CpuStatSplit() {
  return {
      .id = "cpu.stat.user-system",
      .statement =
          "user_usec and system_usec of cpu.stat tell a group's CPU time in user space from that "
          "in the kernel, at every level of the tree.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.stat\"; kernel/sched/cputime.c, "
          "cputime_adjust(); kernel/cgroup/rstat.c",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"},
                .memory = MiB(128),
                .realtime = true,
                .why_realtime =
                    "ticks tell user from system, and there a CPU gets the ticks that it "
                    "missed while another had its turn all at once"},
      .explanation =
          {.tree = "besteffort ── pod ─┬─ user\n"
                   "                   └─ system",
           .load = "In user a hog computes, in system a process reads a file in memory over and "
                   "over, 256K at a time, for 3 s, or up to 12 s where "
                   "that is not clear. The hog is pinned to the highest-numbered CPU.",
           .expected =
               "user_usec is nearly all of user's time and system_usec nearly all of "
               "system's. In the pod, besteffort and kubepods user_usec is the part that "
               "user has of the CPU time of both; where the node lost a twentieth of its ticks, "
               "the part of its ticks that fell into user space (/proc/stat). The two add up "
               "to usage_usec everywhere.",
           .tolerance =
               "A tick counts whole for where it falls: 0.1 is one of ten, where the hog never "
               "enters the kernel of its own accord and the reader leaves it for less than a "
               "microsecond in every 256K. The parts of levels are shares of 750 ticks (HZ=250), "
               "sqrt(0.25 / 750) = 0.018 apart by chance: 0.1 is more than five times that. What "
               "is "
               "outside by no more than the part of ticks that the node lost, or than what "
               "interrupts and a hypervisor took (/proc/stat), is unclear. The sum: each of three "
               "is cut off to a microsecond, at both readings.",
           .control = "The hog is in system and the reader in user."},
      .measure = MeasureSplit};
}

}  // namespace nodeproof::conformance
