// user_usec and system_usec of cpu.stat: which part of its CPU time a group spent in the kernel.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "conformance/arm_context.h"
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_span.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/cgroup/worker.h"
#include "harness/measure/estimate.h"
#include "harness/measure/idle_time.h"
#include "harness/measure/stall_monitor.h"
#include "harness/stress/file_flood.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Nanoseconds kWatch = std::chrono::seconds(3);
// So often at most, until the node was disturbed for less than would matter.
constexpr int kMostWatches = 4;
constexpr results::Expectation kNearlyAll{1, Relation::kAtLeast, 0.1, "ratio"};

constexpr double kByTicks = 0.1;
// Of a group's CPU time. A stall is charged to whoever ran, and is one tick. An interrupt is a
// group's time in the kernel though the group never entered it; where the node is slow, the next
// tick is due before its work is done.
constexpr double kMostDisturbed = 0.5 * kByTicks;

// Rarely, and out of step with the tick: a thread that wakes every 5 ms has every fourth or fifth
// tick of the hog's CPU fall into its own timer's interrupt, and be the hog's time in the kernel.
constexpr Nanoseconds kWatchInterval = Microseconds(50'300);

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

// Waits for `time` and returns how much of it some CPU stood still, at the least: of each tenth of
// a second the longest stall, if that is more than a tick.
Seconds WatchFor(const Clock& clock, Nanoseconds time, measure::StallMonitor& stalls) {
  constexpr Milliseconds kLook{100};
  Seconds stood_still{0};
  stalls.TakeWorst();
  const Nanoseconds end = clock.Now() + time;
  for (Nanoseconds now = clock.Now(); now < end; now = clock.Now()) {
    clock.WaitUntil(std::min(now + Nanoseconds(kLook), end));
    if (const Nanoseconds stall = stalls.TakeWorst(); stall > kTick) stood_still += stall;
  }
  return stood_still;
}

double Part(Seconds part, Seconds whole) { return whole > Seconds(0) ? part / whole : 0; }

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

  struct Watched {
    std::string name;
    const cgroup::Cgroup* group;
    cgroup::CpuStat stat = {};
  };
  std::vector<Watched> groups = {{"the container that computes", user},
                                 {"the container that reads", system},
                                 {"their pod", TRY(tree.Pod("pod"))},
                                 {"besteffort", TRY(tree.QosSlice("pod"))},
                                 {"kubepods", TRY(tree.NodeSlice())}};
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatchInterval));
  const uint64_t rounds = hog.counters().rounds;
  const Bytes moved = reader.Moved();
  Seconds stood_still{0}, interrupted{0};  // what a stall or an interrupt may have spoilt
  const auto disturbed = [&](const cgroup::CpuStat& stat) {
    return Part(stood_still + interrupted, stat.usage) > kMostDisturbed;
  };
  for (int watch = 1;; ++watch) {
    const Nanoseconds taken = TRY(measure::TakenTime(context.QuietCpu()));
    for (Watched& each : groups) each.stat = TRY(cgroup::ReadCpuStat(*each.group));
    stood_still = WatchFor(context.clock(), kWatch, *stalls);
    for (Watched& each : groups) each.stat = TRY(cgroup::ReadCpuStat(*each.group)) - each.stat;
    interrupted = TRY(measure::TakenTime(context.QuietCpu())) - taken;
    const bool too_much = disturbed(groups[0].stat) || disturbed(groups[1].stat);
    if (!too_much || watch == kMostWatches) break;
  }

  results::Arm arm =
      DescribedArm(tree, is_protected ? "each in its container" : "the other way round");
  const cgroup::CpuStat& computes = groups[0].stat;
  const cgroup::CpuStat& reads = groups[1].stat;
  arm.checks = {measure::ExactCheck("user_usec of the container that computes, of its usage_usec",
                                    kNearlyAll, Part(computes.user, computes.usage)),
                measure::ExactCheck("system_usec of the container that reads, of its usage_usec",
                                    kNearlyAll, Part(reads.system, reads.usage))};
  // Outside by no more than that can make.
  const auto excuse = [&](results::Check& check, const cgroup::CpuStat& stat) {
    results::Expectation wider = check.expected;
    wider.tolerance += Part(stood_still + interrupted, stat.usage);
    if (check.finding == results::Finding::kOutside &&
        measure::Judge(wider, check.measured) != results::Finding::kOutside) {
      check.finding = results::Finding::kUnclear;
    }
  };
  excuse(arm.checks[0], computes);
  excuse(arm.checks[1], reads);
  for (const Watched& each : groups) {
    const cgroup::CpuStat& stat = each.stat;
    arm.checks.push_back(measure::ExactCheck(
        fmt::format("user_usec and system_usec of {} less usage_usec", each.name),
        {0, Relation::kWithin, 4, "usec"},
        static_cast<double>((stat.user + stat.system - stat.usage).count())));
    if (each.group == user || each.group == system) continue;
    arm.checks.push_back(measure::ExactCheck(
        fmt::format("part of user_usec of {} that the container that computes is", each.name),
        {Part(computes.usage, computes.usage + reads.usage), Relation::kWithin, kByTicks, "ratio"},
        Part(stat.user, stat.usage)));
    excuse(arm.checks.back(), stat);
  }
  if (stood_still > Seconds(0)) {
    arm.notes.push_back(
        fmt::format("the node stood still for {} at least", FormatDuration(stood_still)));
  }
  arm.notes.push_back(fmt::format("{} of the time of the CPU that computes fell to interrupts",
                                  FormatDuration(interrupted)));
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
                   "over, 256K at a time, for 3 s, and for up to three times 3 s more where the "
                   "node was disturbed too much. The hog is pinned to the highest-numbered CPU.",
           .expected = "user_usec is nearly all of user's time and system_usec nearly all of "
                       "system's. In the pod, besteffort and kubepods user_usec is the part that "
                       "user has of the CPU time of both. The two add up to usage_usec "
                       "everywhere.",
           .tolerance =
               "A tick counts whole for where it falls: 0.1 is one of ten, where the hog never "
               "enters the kernel of its own accord and the reader leaves it for less than a "
               "microsecond in every 256K. The parts of levels are shares of 750 ticks (HZ=250), "
               "sqrt(0.25 / 750) = 0.018 apart by chance: 0.1 is more than five times that; what "
               "may come of the node standing still, which is charged in full and is one tick, or "
               "of "
               "interrupts (/proc/stat) is unclear. The sum: each of three is cut off to a "
               "microsecond, at both readings.",
           .control = "The hog is in system and the reader in user."},
      .measure = MeasureSplit};
}

}  // namespace nodeproof::conformance
