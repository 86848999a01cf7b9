// PSI: memory pressure shows in the group that has it, and wakes who waits for it.
#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

constexpr Bytes kHigh = MiB(32);
constexpr Bytes kTarget = MiB(44);
constexpr Nanoseconds kWatch = std::chrono::seconds(1);

// Waits for 200 ms of stall in any second.
Result<Fd> OpenTrigger(const cgroup::Cgroup& group) {
  Fd fd = TRY(OpenAt(group.fd(), "memory.pressure", O_RDWR | O_NONBLOCK));
  const std::string trigger = "some 200000 1000000";
  if (const auto written = WriteAll(fd.get(), {trigger.c_str(), trigger.size() + 1},
                                    group.path() + "/memory.pressure");
      !written) {
    if (written.error().code != EPERM && written.error().code != EOPNOTSUPP) {
      return std::unexpected(written.error());
    }
    return Unsupported("memory.pressure takes no trigger: {}", written.error().message);
  }
  return fd;
}

// How long a process ran and how long it waited for a CPU (/proc/<pid>/schedstat): the time in
// which it was not stalled.
Result<Nanoseconds> RanOrWaited(const cgroup::Process& process) {
  const std::string path = fmt::format("/proc/{}/schedstat", process.pid());
  const std::string text = TRY(ReadFile(path));
  const auto words = Words(text);
  if (words.size() < 2) return Fail("{} reads '{}'", path, Trim(text));
  return Nanoseconds(TRY(ParseInt(words[0])) + TRY(ParseInt(words[1])));
}

// What PSI said of a group while `watched` passed, and for how long its only busy process ran or
// waited for a CPU.
struct Stalls {
  Seconds some{0};
  Seconds full{0};
  Seconds busy{0};
  Seconds watched{0};
};

// The first reading of PSI is taken before the watch begins and the last after it ended, those of
// the process around them: what it says is never less than the truth for lack of simultaneity.
Result<Stalls> Watch(ArmContext& context, const cgroup::Cgroup& group,
                     const cgroup::Process& process) {
  const Clock& clock = context.clock();
  const Nanoseconds busy = TRY(RanOrWaited(process));
  const cgroup::Pressure before = TRY(cgroup::ReadPressure(group, "memory.pressure"));
  const Nanoseconds begun = clock.Now();
  clock.WaitUntil(begun + kWatch);
  const Nanoseconds ended = clock.Now();
  const cgroup::Pressure after = TRY(cgroup::ReadPressure(group, "memory.pressure"));
  return Stalls{.some = after.some_total - before.some_total,
                .full = after.full_total - before.full_total,
                .busy = TRY(RanOrWaited(process)) - busy,
                .watched = ended - begun};
}

// What the two readings of PSI, the process's and the clock's cannot agree better on than: 1 % of
// the time that is watched, 10 ms.
constexpr double kSkew = 0.01;

// besteffort ─┬─ pod   memory.high 32M    a hog that wants 44M, on one CPU
//             └─ idle                     a process that holds 1M
Result<results::Arm> MeasurePressure(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    // On one CPU: PSI averages what the CPUs say by how busy they were, and would show half of a
    // stall that moved from one to another.
    TRY(SetOnPod(plan, "pod", "cpuset.cpus", fmt::format("{}", context.QuietCpu())));
    if (!is_protected) return {};
    return SetOnPod(plan, "pod", "memory.high", fmt::format("{}", kHigh.value));
  };
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("idle", {{}})}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& idle = *TRY(tree.Container("idle", "main"));
  if (!group.Has("memory.pressure")) {
    return Unsupported("the kernel has no memory.pressure (CONFIG_PSI, psi=1)");
  }
  const Fd trigger = TRY(OpenTrigger(group));
  stress::AnonHog beside =
      TRY(stress::AnonHog::Start({.name = "idle", .group = &idle, .target = MiB(1)}));
  TRY(beside.AwaitFull(context.patience()));
  const cgroup::Pressure idle_before = TRY(cgroup::ReadPressure(idle, "memory.pressure"));
  stress::AnonHog hog =
      TRY(stress::AnonHog::Start({.group = &group, .target = kTarget, .oom_score_adj = 1000}));
  TRY(Await(context, "usage at memory.high", [&]() -> Result<bool> {
    return Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))} >= kHigh;
  }));

  const Stalls stalls = TRY(Watch(context, group, hog.process()));
  const cgroup::Pressure idle_after = TRY(cgroup::ReadPressure(idle, "memory.pressure"));
  pollfd poll_fd{trigger.get(), POLLPRI, 0};
  const int fired = ::poll(&poll_fd, 1, 0);

  results::Arm arm = DescribedArm(tree, is_protected ? "memory.high 32M" : "no memory.high");
  const double some = stalls.some / stalls.watched;
  arm.checks = {
      measure::ExactCheck(
          "time that some task of the pod stalled (PSI)",
          {1 - stalls.busy / stalls.watched, results::Relation::kAtLeast, kSkew, "ratio"}, some),
      measure::ExactCheck("the same, at most", {1, results::Relation::kAtMost, kSkew, "ratio"},
                          some),
      // One task alone: whenever it stalls, all do.
      measure::ExactCheck("time that all its tasks stalled",
                          {some, results::Relation::kWithin, kSkew, "ratio"},
                          stalls.full / stalls.watched),
      measure::ExactCheck(
          "stall of the idle sibling", {0, results::Relation::kAtMost, 0, "usec"},
          static_cast<double>((idle_after.some_total - idle_before.some_total).count())),
      CountIs("triggers that fired", 1, fired == 1 && (poll_fd.revents & POLLPRI) != 0)};
  arm.load = {BytesDone("anon hog", kHigh - KernelShare(context, kHigh), hog.Touched())};
  return arm;
}

}  // namespace

Claim MemoryPressureRises() {
  return {
      .id = "memory.pressure.rises",
      .statement =
          "Memory stalls show in the memory.pressure of the group that has them, not in "
          "its sibling's, and fire its trigger.",
      .source =
          "Documentation/accounting/psi.rst; Documentation/admin-guide/cgroup-v2.rst, "
          "\"memory.pressure\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod   memory.high 32M\n"
                   "            └─ pod idle",
           .load = "A hog that wants 44M, watched for 1 s from when usage met 32M; a process in "
                   "idle that holds 1M.",
           .expected =
               "The hog has nothing else to wait for: when it neither runs nor waits for a CPU "
               "(its "
               "schedstat says so), it is held up for memory.high, and `some` of the pod must have "
               "grown by that time. `full` grows alike, since the hog is alone. The sibling's "
               "`some` does not grow. A trigger of 200 ms in 1 s fires.",
           .tolerance = "1 % of the time watched, for readings that cannot be taken at one "
                        "instant. The hog stays on one CPU, because PSI averages what CPUs say by "
                        "how busy each was.",
           .control = "No memory.high: no stall."},
      .measure = MeasurePressure};
}

}  // namespace nodeproof::conformance
