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
constexpr Bytes kTarget = MiB(64);
constexpr Nanoseconds kWatch = std::chrono::seconds(2);

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

// besteffort ─┬─ pod   memory.high 32M    a hog that wants 64M
//             └─ idle                     a process that holds 1M
Result<results::Arm> MeasurePressure(ArmContext& context) {
  const bool is_protected = context.Protected();
  const auto edit = [&](kubelet::Plan& plan) -> Status {
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

  const Clock& clock = context.clock();
  const Nanoseconds begun = clock.Now();
  const cgroup::Pressure before = TRY(cgroup::ReadPressure(group, "memory.pressure"));
  clock.WaitUntil(begun + kWatch);
  const cgroup::Pressure after = TRY(cgroup::ReadPressure(group, "memory.pressure"));
  const auto watched = std::chrono::duration_cast<Microseconds>(clock.Now() - begun);
  const cgroup::Pressure idle_after = TRY(cgroup::ReadPressure(idle, "memory.pressure"));
  pollfd poll_fd{trigger.get(), POLLPRI, 0};
  const int fired = ::poll(&poll_fd, 1, 0);

  const auto share = [&](Microseconds part) {
    return static_cast<double>(part.count()) / static_cast<double>(watched.count());
  };
  results::Arm arm = DescribedArm(tree, is_protected ? "memory.high 32M" : "no memory.high");
  const auto some = share(after.some_total - before.some_total);
  const auto full = share(after.full_total - before.full_total);
  arm.checks = {measure::ExactCheck("time that some task of the pod stalled (PSI)",
                                    {0.25, results::Relation::kAtLeast, 0, "ratio"}, some),
                measure::ExactCheck("the same, at most",
                                    {1, results::Relation::kAtMost, 0.01, "ratio"}, some),
                // One task alone: whenever it stalls, all do.
                measure::ExactCheck("time that all its tasks stalled",
                                    {some, results::Relation::kWithin, 0.1, "ratio"}, full),
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
           .load = "A hog that wants 64M, watched for 2 s from when usage met 32M; a process in "
                   "idle that holds 1M.",
           .expected =
               "`some` of the pod grows by at least a quarter of the time: throttled, the hog "
               "sleeps 10 ms and more for each batch of 64 pages. `full` grows alike, since the "
               "hog is alone. The sibling's `some` does not grow. A trigger of 200 ms in 1 s "
               "fires.",
           .tolerance = "A quarter leaves room for a node that takes 30 ms for a batch of 64 pages "
                        "and the reclaim that finds nothing for it. `full` "
                        "is averaged over CPUs by what they run, hence 0.1.",
           .control = "No memory.high: no stall."},
      .measure = MeasurePressure};
}

}  // namespace nodeproof::conformance
