// cpu.max for who is there already: a quota that changes while its group runs, and a process that
// is moved in while it runs.
#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/cgroup/knobs.h"

namespace nodeproof::conformance {
namespace {

constexpr Microseconds kSmall{30'000};
constexpr Microseconds kLarge{60'000};

// What a pod's main has before and is to have, and how its hog comes there.
struct Change {
  const char* pod;
  const char* limit;  // planned
  Microseconds quota;
  bool moved;  // the hog is; else the quota is written anew
};
constexpr Change kChanges[] = {{"lowered", "600m", kSmall, false},
                               {"raised", "300m", kLarge, false},
                               {"joined", "300m", kSmall, true}};

// The hog of a pod, running when this returns, and the change made.
Result<std::vector<stress::CpuHog>> Begin(ArmContext& context, const capsule::Tree& tree,
                                          const Change& change, std::vector<std::string>& notes) {
  const cgroup::Cgroup& group = *TRY(tree.Container(change.pod, "main"));
  auto hogs = TRY(StartHogs(context, change.moved ? *TRY(tree.SystemSlice()) : group, change.pod,
                            CpuSet{context.QuietCpu()}));
  if (change.moved) {
    for (stress::CpuHog& hog : hogs) {
      TRY(group.Write("cgroup.procs", fmt::format("{}", hog.pid())));
    }
    return hogs;
  }
  // The old quota is at work: a period of it has gone by.
  for (int i = 0; i < 2; ++i) TRY(AwaitRefill(context.clock(), group, 3 * kPeriod));
  if (!context.Protected()) return hogs;
  const auto written = TRY(cgroup::SetKnob(
      group, "cpu.max", fmt::format("{} {}", change.quota.count(), kPeriod.count())));
  if (!written.kept) {
    notes.push_back(fmt::format("cpu.max of {}: wrote {}, kernel holds {}", change.pod,
                                written.wanted, written.taken));
  }
  return hogs;
}

// burstable ─┬─ lowered ── main  cpu.max 60000, then 30000    one hog, CPU N
//            ├─ raised ── main   cpu.max 30000, then 60000    one hog, CPU N
//            └─ joined ── main   cpu.max 30000                one hog, born in system.slice, CPU N
Result<results::Arm> MeasureResize(ArmContext& context) {
  std::vector<kubelet::Pod> pods;
  for (const Change& change : kChanges) pods.push_back(LimitedPod(change.limit, change.pod));
  const capsule::Tree tree = TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, pods));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  results::Arm arm;
  // One after the other, as they share a CPU.
  for (const Change& change : kChanges) {
    const auto hogs = TRY(Begin(context, tree, change, arm.notes));
    Take(arm, TRY(MeasureSpentQuota(context, *stalls,
                                    {.name = fmt::format("CPU time a period, {}", change.pod),
                                     .group = TRY(tree.Container(change.pod, "main")),
                                     .quota = change.quota})));
    arm.load.push_back(WorkProof(hogs));
    if (!context.Protected()) break;  // one shows that the check can fail
  }
  arm.description =
      context.Protected() ? "changed while a hog runs" : "the new quota is not written";
  TellTree(arm, tree);
  return arm;
}

}  // namespace

Claim CpuMaxResize() {
  return {
      .id = "cpu.max.resize",
      .statement =
          "A cpu.max that is changed while its group runs holds for what runs, as a pod that is "
          "resized in place needs it, and it holds for a process that is moved into the group.",
      .source =
          "KEP-1287 (in-place update of pod resources); kernel/sched/core.c, "
          "tg_set_cfs_bandwidth(), sched_move_task(); runc, which moves its processes by "
          "cgroup.procs",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod lowered ── main  cpu.max 60000 100000, then 30000\n"
                   "           ├─ pod raised  ── main  cpu.max 30000 100000, then 60000\n"
                   "           └─ pod joined  ── main  cpu.max 30000 100000",
           .load = "One CPU hog in each pod's main in turn, pinned to the highest-numbered CPU. "
                   "In lowered and raised the new quota is written when the hog has run for two "
                   "refills of the old one; nothing is started again. The hog of joined runs in "
                   "system.slice first and is then written to cgroup.procs.",
           .expected = "From then on lowered uses 30 ms a period, raised 60, joined 30.",
           .tolerance = kSpentQuotaTolerance,
           .control = "The new quota of lowered is not written: 60 ms a period."},
      .measure = MeasureResize};
}

}  // namespace nodeproof::conformance
