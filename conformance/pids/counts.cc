// What the pids controller counts: the peak, events, and tasks that were moved in.
#include <poll.h>

#include <cerrno>

#include "conformance/cgroup/processes.h"
#include "conformance/memory/steps.h"
#include "conformance/pids/pids_claims.h"
#include "conformance/pids/refusals.h"
#include "conformance/pods.h"
#include "harness/base/file.h"
#include "harness/cgroup/stats.h"
#include "harness/stress/fork_storm.h"

namespace nodeproof::conformance {
namespace {

using Kind = stress::ForkStormOptions::Kind;

constexpr int64_t kNodePids = 128;

kubelet::NodeSpec NodeWithPids() {
  kubelet::NodeSpec node = kubelet::SimpleNode(4, GiB(8).value);
  node.pid_max = kNodePids;
  return node;
}

// Runs a storm of children in `group` until it wants no more, and leaves it there.
Result<stress::ForkStorm> StormIn(ArmContext& context, const cgroup::Cgroup& group, int64_t most,
                                  int64_t refusals) {
  stress::ForkStorm storm = TRY(stress::ForkStorm::Start(
      {.group = &group, .kind = Kind::kChildren, .most = most, .refusals = refusals}));
  TRY(Await(context, "the storm", [&]() -> Result<bool> { return storm.Sated(); }));
  TRY(storm.Halt(context.patience()));
  return storm;
}

// besteffort ─┬─ pod     24 tasks, then none, then 10
//             └─ beside
Result<results::Arm> MeasurePeak(ArmContext& context) {
  constexpr int64_t kTasks = 24;
  const capsule::Tree tree =
      TRY(context.Plant(NodeWithPids(), {}, {MakePod("pod", {{}}), MakePod("beside", {{}})}, {},
                        {.pids = kNodePids}));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("pod"));
  if (!pod.Has("pids.peak")) {
    return Unsupported("the kernel has no pids.peak (cgroup {})", pod.path());
  }
  const cgroup::Cgroup& main = *TRY(tree.Container(context.Protected() ? "pod" : "beside", "main"));
  int64_t made = 0;
  int64_t current = 0;
  for (const int64_t tasks : {kTasks, int64_t{10}}) {
    stress::ForkStorm storm = TRY(StormIn(context, main, tasks - 1, 0));
    made += storm.Tasks();
    current = TRY(cgroup::ReadNumber(pod, "pids.current"));
    TRY(storm.End(context.patience()));
    TRY(Await(context, "the end of the storm", [&]() -> Result<bool> {
      return TRY(cgroup::ReadNumber(main, "pids.current")) == 0;
    }));
  }
  results::Arm arm = DescribedArm(
      tree, context.Protected() ? "the storm is in the pod" : "the storm is in its sibling");
  arm.checks = {CountIs("pids.peak of the pod", kTasks, TRY(cgroup::ReadNumber(pod, "pids.peak"))),
                CountIs("pids.peak of its container", kTasks,
                        TRY(cgroup::ReadNumber(*TRY(tree.Container("pod", "main")), "pids.peak"))),
                CountIs("pids.peak of the sibling", 0,
                        TRY(cgroup::ReadNumber(*TRY(tree.Pod("beside")), "pids.peak"))),
                CountIs("pids.current of the pod beside the second storm", 10, current)};
  arm.load = {{"two storms", "tasks", static_cast<double>(kTasks + 10), static_cast<double>(made)}};
  return arm;
}

struct EventsOf {
  std::string name;
  const cgroup::Cgroup* group;
  std::string file;
  bool counts;  // whether the refusals show there
};

// kubepods ── besteffort ─┬─ pod  pids.max 10 ── main     24 children wanted
//                         └─ beside
Result<results::Arm> MeasureEvents(ArmContext& context) {
  constexpr int64_t kRefusals = 12;
  kubelet::KubeletConfiguration config;
  if (context.Protected()) config.pod_pids_limit = 10;
  const capsule::Tree tree =
      TRY(context.Plant(NodeWithPids(), config, {MakePod("pod", {{}}), MakePod("beside", {{}})}, {},
                        {.pids = kNodePids}));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("pod"));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& qos = *TRY(tree.QosSlice("pod"));
  const bool told_apart = TRY(RefusalsCountAtTheLimit(pod));
  std::vector<EventsOf> events = {{"the pod", &pod, "pids.events", told_apart},
                                  {"the container", &main, "pids.events", !told_apart},
                                  {"besteffort", &qos, "pids.events", told_apart},
                                  {"kubepods", TRY(tree.NodeSlice()), "pids.events", told_apart},
                                  {"the sibling", TRY(tree.Pod("beside")), "pids.events", false}};
  if (told_apart) {
    events.push_back({"the pod", &pod, "pids.events.local", true});
    events.push_back({"the container", &main, "pids.events.local", false});
    events.push_back({"besteffort", &qos, "pids.events.local", false});
  } else {
    std::swap(events[0], events[1]);
  }
  // A change of the file wakes who polls it.
  const Fd watched = TRY(OpenAt(events[0].group->fd(), "pids.events", O_RDONLY));
  TRY(ReadAll(watched.get(), "pids.events"));

  stress::ForkStorm storm = TRY(StormIn(context, main, 24, kRefusals));
  pollfd poll_fd{watched.get(), POLLPRI, 0};
  const bool woken = ::poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLPRI) != 0;

  results::Arm arm = DescribedArm(tree, context.Protected() ? "podPidsLimit 10" : "no limit");
  for (const EventsOf& of : events) {
    arm.checks.push_back(CountIs(fmt::format("max in {} of {}", of.file, of.name),
                                 of.counts ? kRefusals : 0,
                                 TRY(Counter(*of.group, of.file, "max"))));
  }
  arm.checks.push_back(CountIs("waiters for pids.events that were woken", 1, woken));
  arm.notes.push_back(told_apart ? "events count where the limit is, and above it"
                                 : "events count where the refused task was to be");
  arm.load = {{"storm", "births tried", 20, static_cast<double>(storm.Births() + storm.Refused())}};
  return arm;
}

// node ─┬─ system.slice                     12 processes, which move to the pod
//       └─ besteffort ── pod  pids.max 8
Result<results::Arm> MeasureMoved(ArmContext& context) {
  constexpr int64_t kTasks = 12;
  kubelet::KubeletConfiguration config;
  if (context.Protected()) config.pod_pids_limit = 8;
  const capsule::Tree tree =
      TRY(context.Plant(NodeWithPids(), config, {MakePod("pod", {{}})}, {}, {.pids = kNodePids}));
  const cgroup::Cgroup& pod = *TRY(tree.Pod("pod"));
  const cgroup::Cgroup& main = *TRY(tree.Container("pod", "main"));
  const cgroup::Cgroup& system = *TRY(tree.SystemSlice());
  stress::ForkStorm storm = TRY(StormIn(context, system, kTasks - 1, 0));
  const std::string processes = TRY(system.Read("cgroup.procs"));
  int64_t moved = 0;
  for (const std::string_view pid : Words(processes)) {
    moved += main.Write("cgroup.procs", pid).has_value();
  }
  const int64_t current = TRY(cgroup::ReadNumber(pod, "pids.current"));
  const int refused = TRY(BirthError(context, main));
  const int64_t left = TRY(cgroup::ReadNumber(system, "pids.current"));
  const int64_t lived = TRY(cgroup::ReadNumber(pod, "pids.current"));
  TRY(storm.End(context.patience()));
  TRY(Await(context, "the end of the storm",
            [&]() -> Result<bool> { return TRY(cgroup::ReadNumber(pod, "pids.current")) == 0; }));
  const int later = TRY(BirthError(context, main));

  results::Arm arm = DescribedArm(tree, context.Protected() ? "podPidsLimit 8" : "no limit");
  arm.checks = {CountIs("errno of a birth while 12 of 8 are there", EAGAIN, refused),
                CountIs("processes that could be moved in", kTasks, moved),
                CountIs("pids.current of the pod then", kTasks, current),
                CountIs("pids.current of system.slice then", 0, left),
                CountIs("the pod's tasks after the refusal", kTasks, lived),
                CountIs("errno of a birth after they ended", 0, later)};
  arm.load = {{"processes to move", "count", kTasks, static_cast<double>(storm.Tasks())}};
  return arm;
}

}  // namespace

Claim PidsPeak() {
  return {
      .id = "pids.peak",
      .statement = "pids.peak is the most tasks that a group ever had, with all below it.",
      .source = "Documentation/admin-guide/cgroup-v2.rst, \"pids.peak\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "besteffort ─┬─ pod pod ── main\n"
                   "            └─ pod beside",
           .load = "A process in main forks until there are 24 tasks, and all end; then another "
                   "until there are 10.",
           .expected = "pids.peak of the pod and of main is 24, that of beside 0; pids.current is "
                       "10 beside the second storm.",
           .tolerance = "Tasks are counted: none.",
           .control = "The storms are in beside."},
      .measure = MeasurePeak};
}

Claim PidsEvents() {
  return {
      .id = "pids.events",
      .statement =
          "Each refused birth is one event, in the groups where the kernel documents it, "
          "and wakes who polls.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"pids.events\"; kernel/cgroup/pids.c, "
          "pids_event(); 6.11, \"cgroup/pids: Make event counters hierarchical\"",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation = {.tree = "kubepods ── besteffort ─┬─ pod pod  pids.max 10 ── main\n"
                              "                        └─ pod beside",
                      .load = "A process in main forks until 12 births were refused.",
                      .expected =
                          "`max` is 12. Where there is pids.events.local (6.11 and later, without "
                          "the mount option pids_localevents): in pids.events.local of the pod, "
                          "whose limit was met, and in pids.events of the pod and all above it. "
                          "Before: in pids.events of main, where the task was to be. Elsewhere 0.",
                      .tolerance = "Events are counted: none.",
                      .control = "No podPidsLimit: no event."},
      .measure = MeasureEvents};
}

Claim PidsMoved() {
  return {.id = "pids.moved",
          .statement =
              "Moving processes in is never refused, but counts: births are refused until "
              "the group is below its limit again, and nobody is killed.",
          .source =
              "Documentation/admin-guide/cgroup-v2.rst, \"PID\": organisational operations are "
              "not blocked by cgroup policies",
          .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
          .explanation =
              {.tree = "node ─┬─ system.slice\n"
                       "      └─ besteffort ── pod  pids.max 8",
               .load = "12 processes in system.slice are moved to the pod. One more is to be born "
                       "there, then and when they have ended.",
               .expected = "All 12 move and live; the birth beside them fails with EAGAIN, the one "
                           "after them succeeds.",
               .tolerance = "Tasks are counted: none.",
               .control = "No podPidsLimit: the birth succeeds."},
          .measure = MeasureMoved};
}

}  // namespace nodeproof::conformance
