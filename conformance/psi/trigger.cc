// A PSI trigger: whoever polls a pressure file is woken within the window that was asked for.
#include <fcntl.h>
#include <poll.h>

#include <cerrno>

#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "conformance/psi/psi_claims.h"
#include "conformance/psi/stall_stretch.h"
#include "harness/base/file.h"
#include "harness/measure/estimate.h"
#include "harness/measure/stall_monitor.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr Nanoseconds kThreshold = Milliseconds(100);
constexpr Nanoseconds kWindow = Milliseconds(500);  // the shortest that the kernel takes

Result<Fd> OpenTrigger(const cgroup::Cgroup& group, const char* file) {
  Fd fd = TRY(OpenAt(group.fd(), file, O_RDWR | O_NONBLOCK));
  const std::string trigger = "some 100000 500000";
  if (const auto written =
          WriteAll(fd.get(), {trigger.c_str(), trigger.size() + 1}, group.path() + "/" + file);
      !written) {
    if (written.error().code != EPERM && written.error().code != EOPNOTSUPP &&
        written.error().code != EINVAL) {
      return std::unexpected(written.error());
    }
    return Unsupported("{} takes no trigger with a window of 500 ms: {}", file,
                       written.error().message);
  }
  return fd;
}

// besteffort ─┬─ pod     two hogs on CPU N
//             └─ idle    a trigger as well
Result<results::Arm> MeasureTrigger(ArmContext& context) {
  const capsule::Tree tree =
      TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}}), MakePod("idle", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  TRY(RequirePressureFile(group, "cpu.pressure"));
  const Fd trigger = TRY(OpenTrigger(group, "cpu.pressure"));
  const Fd quiet = TRY(OpenTrigger(*TRY(tree.Container("idle", "main")), "cpu.pressure"));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), Milliseconds(4)));

  const Clock& clock = context.clock();
  const auto stalled = [&]() -> Result<Nanoseconds> {
    return TRY(cgroup::ReadPressure(group, "cpu.pressure")).some_total;
  };
  const Nanoseconds before = TRY(stalled());
  std::vector<stress::CpuHog> hogs;
  for (int i = 0; i < (context.Protected() ? 2 : 1); ++i) {
    hogs.push_back(
        TRY(stress::CpuHog::Start({.group = &group, .affinity = CpuSet{context.QuietCpu()}})));
  }
  for (stress::CpuHog& hog : hogs) TRY(hog.AwaitReady(context.patience()));
  stalls->TakeWorst();
  const Nanoseconds begun = clock.Now();
  pollfd poll_fds[] = {{trigger.get(), POLLPRI, 0}, {quiet.get(), POLLPRI, 0}};
  const auto patience = std::chrono::ceil<Milliseconds>(3 * kWindow);
  const int ready = ::poll(poll_fds, 2, static_cast<int>(patience.count()));
  if (ready < 0) return FailErrno(errno, "poll cpu.pressure");
  const Nanoseconds after = clock.Now() - begun;
  const Nanoseconds stall = TRY(stalled()) - before;
  const Nanoseconds stood_still = stalls->TakeWorst();

  const auto milliseconds = [](Nanoseconds time) { return Seconds(time).count() * 1000; };
  results::Arm arm = DescribedArm(tree, context.Protected() ? "two hogs on one CPU" : "one hog");
  // The kernel looks ten times a window; its thread and ours are late by what the node stood still.
  arm.checks = {
      CountIs("triggers that fired", 1, (poll_fds[0].revents & POLLPRI) != 0),
      measure::ExactCheck("it fired after",
                          {milliseconds(kWindow), Relation::kAtMost,
                           milliseconds(kWindow / 10 + 2 * stood_still), "ms"},
                          milliseconds(after)),
      measure::ExactCheck("the group had stalled for",
                          {milliseconds(kThreshold), Relation::kAtLeast, 0, "ms"},
                          milliseconds(stall)),
      CountIs("triggers of the idle sibling that fired", 0, (poll_fds[1].revents & POLLPRI) != 0)};
  arm.load = {{"hog", "rounds", 1, static_cast<double>(hogs[0].Work())}};
  return arm;
}

}  // namespace

Claim PsiTrigger() {
  return {
      .id = "psi.trigger",
      .statement =
          "Who polls a pressure file with a trigger is woken within the trigger's window, "
          "and not before the stall that it asked for.",
      .source =
          "Documentation/accounting/psi.rst, \"Monitoring for pressure thresholds\"; "
          "kernel/sched/psi.c, psi_poll_work()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod pod\n"
                   "            └─ pod idle",
           .load = "A trigger of 100 ms in 500 ms on cpu.pressure of both. Then two hogs start in "
                   "pod, on one CPU: one of them always waits.",
           .expected = "The trigger of pod fires within 500 ms, when it has stalled for 100 ms or "
                       "more; that of idle does not.",
           .tolerance = "The kernel looks ten times a window: 50 ms. What the node stood still, by "
                        "the evidence of real-time threads outside the capsule, makes its thread "
                        "and the one that polls late.",
           .control = "One hog: nobody waits, and it does not fire within three windows."},
      .measure = MeasureTrigger};
}

}  // namespace nodeproof::conformance
