// The values that cpu.max takes: what the systemd driver rounds them to, the smallest there are,
// periods other than 100 ms, and none at all for containers with CPUs of their own.
#include <algorithm>
#include <cerrno>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/cgroup/knobs.h"
#include "harness/kubelet/node_plan/node_plan.h"
#include "harness/measure/estimate.h"
#include "harness/probe/quota_runs.h"
#include "harness/probe/spinner.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

// burstable ─┬─ pod ── main  cpu.max 12000 100000 (limit 111m)      one hog, CPU N
//            └─ big ── main  cpu.max 124000 100000 (limit 1235m)
Result<results::Arm> MeasureRounding(ArmContext& context) {
  if (context.environment().driver != kubelet::CgroupDriver::kSystemd) {
    return Unsupported("the run's cgroup driver is cgroupfs, which does not round; use systemd");
  }
  const bool is_protected = context.Protected();
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    if (is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpu.max", "11100 100000",
                    "as cgroupfs has it");
  };
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {},
                        {LimitedPod("111m"), LimitedPod("1235m", "big")}, edit));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const auto hogs = TRY(StartHogs(context, group, "hog", CpuSet{context.QuietCpu()}));
  results::Arm arm;
  Take(arm, TRY(MeasureSpentQuota(
                context, *stalls,
                {.name = "CPU time a period", .group = &group, .quota = Microseconds(12'000)})));
  const auto quota_of = [&](std::string_view pod) -> Result<double> {
    const cgroup::CpuMax max = TRY(cgroup::ReadCpuMax(*TRY(tree.Container(pod, "main"))));
    return static_cast<double>(max.quota.value_or(Microseconds(0)).count());
  };
  arm.checks.push_back(measure::ExactCheck(
      "quota for a limit of 111m", {12'000, Relation::kWithin, 0, "usec"}, TRY(quota_of("pod"))));
  arm.checks.push_back(measure::ExactCheck(
      "quota for a limit of 1235m", {124'000, Relation::kWithin, 0, "usec"}, TRY(quota_of("big"))));
  arm.load.push_back(WorkProof(hogs));
  arm.description = is_protected ? "rounded as systemd does" : "cpu.max 11100 100000";
  TellTree(arm, tree);
  return arm;
}

// What the kernel must say to values at its limits.
struct Trial {
  const char* value;
  bool taken;
};
constexpr Trial kTrials[] = {{"1000 100000", true},  {"999 100000", false},
                             {"1000 1000", true},    {"1000 999", false},
                             {"1000 1000000", true}, {"1000 1000001", false}};

// The number of trials that went otherwise, each told in `notes`.
Result<int> WrongAnswers(const cgroup::Cgroup& group, std::vector<std::string>& notes) {
  int wrong = 0;
  for (const Trial& trial : kTrials) {
    const auto written = cgroup::SetKnob(group, "cpu.max", trial.value);
    const bool refused = !written && written.error().code == EINVAL;
    if (!written && !refused) return std::unexpected(written.error());
    if (trial.taken ? !refused && written->kept : refused) continue;
    ++wrong;
    notes.push_back(fmt::format("cpu.max '{}': {}", trial.value,
                                refused ? "refused" : "taken as '" + written->taken + "'"));
  }
  return wrong;
}

// burstable ── pod ─┬─ main  cpu.max 1000 100000 (limit 5m)    a victim that spins, CPU N
//                   └─ idle  where values are tried
Result<results::Arm> MeasureFloor(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {},
                        {MakePod("pod", {{.name = "main", .cpu_limit = is_protected ? "5m" : "50m"},
                                         {.name = "idle"}})}));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const probe::Spinner spinner =
      TRY(probe::Spinner::Start({.group = &group, .affinity = CpuSet{context.QuietCpu()}}));
  results::Arm arm;
  Take(arm, TRY(MeasureSpentQuota(context, *stalls,
                                  {.name = "CPU time a period at the smallest quota",
                                   .group = &group,
                                   .quota = Microseconds(1000),
                                   .tolerance = 0.4})));
  if (is_protected) {
    const int wrong = TRY(WrongAnswers(*TRY(tree.Container("pod", "idle")), arm.notes));
    arm.checks.push_back(measure::ExactCheck("values at the limits taken or refused wrongly",
                                             {0, Relation::kAtMost, 0, "count"}, wrong));
  }
  arm.load.push_back({"spinner", "looks", 1, static_cast<double>(spinner.Looks())});
  arm.description = is_protected ? "a limit of 5m" : "a limit of 50m";
  TellTree(arm, tree);
  return arm;
}

// burstable ── pod ── main  cpu.max 5000 10000    a victim that runs until it is throttled, CPU N
Result<results::Arm> MeasureShortPeriod(ArmContext& context) {
  constexpr Microseconds kShort{10'000};
  constexpr Milliseconds kWindow{300};
  const bool is_protected = context.Protected();
  kubelet::KubeletConfiguration config;
  if (is_protected) config.cpu_cfs_quota_period = kShort;
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), config, {LimitedPod("500m")}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  probe::QuotaRuns victim = TRY(probe::QuotaRuns::Start({.group = &group,
                                                         .affinity = CpuSet{context.QuietCpu()},
                                                         .throttled = Milliseconds(2),
                                                         .most = 2 * kPeriod,
                                                         .lap = Microseconds(200),
                                                         .period = kShort}));
  TRY(victim.AwaitCycle(0, context.patience()));

  cgroup::CpuStat last;
  probe::QuotaRuns::CleanRuns clean;
  Microseconds usage{0};
  const auto open = [&]() -> Status {
    last = TRY(cgroup::ReadCpuStat(group));
    clean = victim.ReadCleanRuns();
    victim.Stalls().Reset();
    return {};
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    const double stall = static_cast<double>(victim.Stalls().Percentile(0.5).count()) / 1000;
    const cgroup::CpuStat stat_before = last;
    const probe::QuotaRuns::CleanRuns before = clean;
    TRY(open());
    usage += (last - stat_before).usage;
    const int64_t runs = clean.count - before.count;
    const bool throttled = (last - stat_before).nr_throttled > 0;
    if (is_protected && throttled && runs < 5) {
      return measure::Window{{}, "the CPU stood still as most runs ended"};
    }
    // One that is never throttled runs all the time.
    double run = static_cast<double>((last - stat_before).usage.count());
    if (runs > 0) {
      run = static_cast<double>((clean.charged - before.charged).count()) / 1000 /
            static_cast<double>(runs);
    }
    const auto periods = static_cast<double>((last - stat_before).nr_periods);
    return measure::Window{{stall, run, periods * Seconds(kShort).count() / wall.count()},
                           std::nullopt};
  };
  measure::WindowedChecks taken =
      TRY(context.TakeWindows(kWindow,
                              {{"typical stall", {10'000, Relation::kAtMost, 0, "usec"}},
                               {"CPU time of a run", {5000, Relation::kWithin, 300, "usec"}},
                               {"periods in 10 ms", {1, Relation::kWithin, 0.07, "count"}}},
                              open, close));

  results::Arm arm;
  arm.description = is_protected ? "cpuCFSQuotaPeriod 10ms" : "cpuCFSQuotaPeriod 100ms";
  arm.checks = std::move(taken.checks);
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  arm.load = {{"victim", "usec", 1, static_cast<double>(usage.count())}};
  return arm;
}

// Leaves out the CPU lists that name CPUs which this node does not have: what is claimed here is
// the quota, not the placement.
void DropForeignCpus(kubelet::PlannedCgroup& group, const CpuSet& online) {
  std::erase_if(group.knobs, [&](const kubelet::PlannedKnob& knob) {
    if (knob.file != "cpuset.cpus") return false;
    const auto planned = CpuSet::Parse(knob.value);
    return !planned || !online.Contains(*planned);
  });
  for (kubelet::PlannedCgroup& child : group.children) DropForeignCpus(child, online);
}

// The CPUs that the plan gives to a container alone.
CpuSet ExclusiveCpus(const kubelet::PlannedCgroup& group) {
  if (group.container && !group.container->exclusive_cpus.empty()) {
    return CpuSet::Parse(group.container->exclusive_cpus).value_or(CpuSet());
  }
  CpuSet all;
  for (const kubelet::PlannedCgroup& child : group.children) all = all | ExclusiveCpus(child);
  return all;
}

// kubepods ── pod (Guaranteed, 1 CPU of its own) ── main    one hog on that CPU
Result<results::Arm> MeasureExclusive(ArmContext& context) {
  constexpr Milliseconds kStretch{1000};
  const bool is_protected = context.Protected();
  kubelet::KubeletConfiguration config;
  config.cpu_manager_policy = "static";
  config.kube_reserved.emplace(kubelet::kCpu, kubelet::Quantity::Parse("500m").value());
  if (!is_protected) {
    TRY(config.feature_gates.Set(kubelet::kDisableCpuQuotaWithExclusiveCpus, false));
  }
  const CpuSet& online = context.online();
  const kubelet::NodeSpec node =
      kubelet::SimpleNode(std::max(2, static_cast<int>(online.size())), GiB(8).value);
  const kubelet::Pod pod = MakePod(
      "pod",
      {{.cpu_request = "1", .cpu_limit = "1", .memory_request = "64Mi", .memory_limit = "64Mi"}});
  CpuSet own;
  const auto admit = [&](kubelet::Plan& plan) -> Status {
    kubelet::PlanOptions options;
    options.driver = plan.driver;
    plan = TRY(kubelet::PlanNode(node, config, {pod}, options));
    own = ExclusiveCpus(plan.root);
    if (own.empty()) return Fail("the plan gives the pod no CPU of its own");
    DropForeignCpus(plan.root, online);
    return {};
  };
  const capsule::Tree tree = TRY(context.Plant(node, config, {pod}, admit));
  const CpuSet cpu = online.Contains(own) ? own : CpuSet{context.QuietCpu()};
  const auto hogs = TRY(StartHogs(context, *TRY(tree.Container("pod", "main")), "hog", cpu));

  cgroup::CpuStat sum;
  const Nanoseconds begun = context.clock().Now();
  const auto read = [&](double sign) -> Status {
    for (const cgroup::Cgroup* group : {TRY(tree.Container("pod", "main")), TRY(tree.Pod("pod"))}) {
      const cgroup::CpuStat stat = TRY(cgroup::ReadCpuStat(*group));
      const auto times = static_cast<int64_t>(sign);
      sum.nr_periods += times * stat.nr_periods;
      sum.throttled += times * stat.throttled;
      if (group == TRY(tree.Pod("pod"))) sum.usage += times * stat.usage;
    }
    return {};
  };
  TRY(read(-1));
  context.clock().WaitUntil(begun + kStretch);
  TRY(read(1));
  const Seconds wall = context.clock().Now() - begun;
  results::Arm arm;
  arm.checks = {
      measure::ExactCheck("periods of a quota, container and pod",
                          {0, Relation::kAtMost, 0, "count"}, static_cast<double>(sum.nr_periods)),
      measure::ExactCheck("time throttled", {0, Relation::kAtMost, 0, "usec"},
                          static_cast<double>(sum.throttled.count()))};
  // A hog that wanted less than its CPU would say nothing.
  arm.load = {WorkProof(hogs), {"hog", "CPUs used", 0.8, Cpus(sum, wall)}};
  arm.description = is_protected ? "exclusive CPU, no quota"
                                 : "exclusive CPU, DisableCPUQuotaWithExclusiveCPUs off";
  TellTree(arm, tree);
  return arm;
}

}  // namespace

Claim CpuMaxSystemdRounding() {
  return {
      .id = "cpu.max.systemd-rounding",
      .statement =
          "Under the systemd driver a CPU limit becomes a quota rounded up to 1 % of a CPU, and "
          "the "
          "rounded quota is what the container gets.",
      .source =
          "opencontainers/runc issue 4622; systemd CPUQuotaPerSecUSec; Kubernetes 1.36 "
          "through libcontainer",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ pod ── main  limit 111m:  11100 us become cpu.max 12000 100000\n"
                   "           └─ big ── main  limit 1235m: 123500 us become cpu.max 124000 100000",
           .load = "One CPU hog in pod's main, pinned to the highest-numbered CPU.",
           .expected = "The kernel holds the rounded values, and the hog uses 12 ms a period: in "
                       "one second 111 ms are no multiple of 10 ms, 120 ms are the next.",
           .tolerance = kSpentQuotaTolerance,
           .control = "cpu.max 11100 100000, what the cgroupfs driver writes: 11.1 ms a period."},
      .measure = MeasureRounding};
}

Claim CpuMaxFloor() {
  return {
      .id = "cpu.max.floor",
      .statement =
          "The smallest quota and the smallest period are 1 ms: the kernel refuses less, and a "
          "container with a smaller limit gets 1 ms a period.",
      .source =
          "kernel/sched/core.c, tg_set_cfs_bandwidth; Kubernetes 1.36 "
          "pkg/kubelet/cm/helpers_linux.go, MilliCPUToQuota (MinQuotaPeriod)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod ─┬─ main  cpu.max 1000 100000 (limit 5m, would be 500)\n"
                   "                  └─ idle  where other values are tried",
           .load = "A victim that spins in main, pinned to the highest-numbered CPU.",
           .expected = "It uses 1 ms a period. Quotas and periods of 1 ms and periods of 1 s are "
                       "taken; 999 us and 1000001 us are EINVAL.",
           .tolerance = "As for every quota that is spent (cpu.max.nested), but with 40 % of 1 ms: "
                        "a tick is four times as long as this quota.",
           .control = "A limit of 50m: 5 ms a period."},
      .measure = MeasureFloor};
}

Claim CpuMaxShortPeriod() {
  return {
      .id = "cpu.max.short-period",
      .statement =
          "With a quota period of 10 ms a limited container runs for its quota at a time, and "
          "typically waits at most a period to run again.",
      .source = "Kubernetes 1.36 cpuCFSQuotaPeriod; Documentation/scheduler/sched-bwc.rst",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod ── main  cpu.max 5000 10000 (limit 500m, period 10 ms)",
           .load = "A victim that spins in main, pinned to the highest-numbered CPU.",
           .expected =
               "Its typical stall (the median of its own gaps) is at most a period, each of its "
               "runs is charged 5 ms, and the kernel counts a period every 10 ms.",
           .tolerance =
               "Stalls: none. Runs: the victim asks for its CPU time every 0.2 ms, which makes the "
               "kernel look at its quota; with its switch and the refill timer 0.3 ms. Not counted "
               "are runs in which the CPU stood still under "
               "the victim, by its own CPU time, those after them, and runs that began 2 ms late "
               "or "
               "lost time to others: they may reach into the next period. Periods: one at each "
               "edge "
               "of a 300 ms window, 2 / 30 = 0.07.",
           .control = "The default period of 100 ms: stalls of 50 ms."},
      .measure = MeasureShortPeriod};
}

Claim CpuMaxExclusiveNoQuota() {
  return {
      .id = "cpu.max.exclusive-no-quota",
      .statement =
          "A container with exclusive CPUs has no quota, nor has its pod, and is never "
          "throttled.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/cpumanager, static policy; feature gate "
          "DisableCPUQuotaWithExclusiveCPUs (kubernetes/kubernetes#127525)",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed, 1 CPU)  cpu.max max ── main  cpu.max max, its CPU",
           .load = "One CPU hog in main on its CPU, for 1 s.",
           .expected = "The kernel counts no period of a quota at either level and throttles "
                       "nothing.",
           .tolerance = "None: the periods and the time are counted, not estimated.",
           .control = "DisableCPUQuotaWithExclusiveCPUs off: container and pod have a quota of "
                      "1 CPU, and periods are counted."},
      .measure = MeasureExclusive};
}

}  // namespace nodeproof::conformance
