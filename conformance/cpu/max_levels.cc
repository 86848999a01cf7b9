// cpu.max at several levels of the tree: the smallest quota on the way to the root binds, and
// throttling at two levels at once leaves nobody behind.
#include <algorithm>
#include <cmath>
#include <utility>

#include "conformance/cpu/cpu_claims.h"
#include "conformance/cpu/quota_meter.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr const char* kWhy = "set by the claim";

std::string Max(Microseconds quota, Microseconds period) {
  return fmt::format("{} {}", quota.count(), period.count());
}

// burstable ─┬─ outer  cpu.max 30000 ── main  cpu.max 60000     one hog, CPU N
//            └─ inner  cpu.max 60000 ── main  cpu.max 30000     one hog, CPU N
Result<results::Arm> MeasureNested(ArmContext& context) {
  const bool is_protected = context.Protected();
  constexpr Microseconds kLess{30'000};
  constexpr Microseconds kMore{60'000};
  const auto edit = [is_protected](kubelet::Plan& plan) -> Status {
    const std::string more = Max(kMore, kPeriod);
    const std::string less = is_protected ? Max(kLess, kPeriod) : more;
    TRY(Override(plan, TRY(PathOfPod(plan, "outer")), "cpu.max", less, kWhy));
    TRY(Override(plan, TRY(PathOfContainer(plan, "outer")), "cpu.max", more, kWhy));
    TRY(Override(plan, TRY(PathOfPod(plan, "inner")), "cpu.max", more, kWhy));
    return Override(plan, TRY(PathOfContainer(plan, "inner")), "cpu.max", less, kWhy);
  };
  const std::vector<kubelet::Pod> pods = {
      MakePod("outer", {{.cpu_request = "300m", .cpu_limit = "600m"}}),
      MakePod("inner", {{.cpu_request = "300m", .cpu_limit = "600m"}})};
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, pods, edit));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  const CpuSet cpu{context.QuietCpu()};

  // One after the other: two groups at once would keep each other from their quotas where the node
  // stalls.
  results::Arm arm;
  const auto measure_pod = [&](const std::string& pod, const cgroup::Cgroup& limited,
                               std::string_view where) -> Status {
    const auto hogs = TRY(StartHogs(context, *TRY(tree.Container(pod, "main")), pod, cpu));
    Take(arm,
         TRY(MeasureSpentQuota(context, *stalls,
                               {.name = fmt::format("CPU time a period, less in the {}", where),
                                .group = &limited,
                                .quota = kLess})));
    arm.load.push_back(WorkProof(hogs));
    return {};
  };
  TRY(measure_pod("outer", *TRY(tree.Pod("outer")), "pod"));
  if (is_protected) TRY(measure_pod("inner", *TRY(tree.Container("inner", "main")), "container"));
  arm.description = is_protected ? "30 % above 60 %, and 60 % above 30 %" : "60 % at both levels";
  TellTree(arm, tree);
  return arm;
}

// burstable ── pod  cpu.max 0.4 CPUs for each CPU ─┬─ one  cpu.max max    a hog on each CPU
//                                                  └─ two  cpu.max max    a hog on each CPU
Result<results::Arm> MeasurePodLevel(ArmContext& context) {
  const bool is_protected = context.Protected();
  const CpuSet contest = context.ContestCpus();
  const auto cpus = static_cast<int>(contest.size());
  const Microseconds quota = cpus * kPeriod * 4 / 10;
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    TRY(Override(plan, TRY(PathOfPod(plan, "pod")), "cpu.max",
                 is_protected ? Max(quota, kPeriod) : "max 100000", "the pod's own limit"));
    for (const char* name : {"one", "two"}) {
      TRY(Override(plan, TRY(PathOfContainer(plan, "pod", name)), "cpu.max", "max 100000",
                   "no limit of its own"));
    }
    return {};
  };
  const kubelet::Pod pod = MakePod(
      "pod", {{.name = "one", .cpu_request = "100m"}, {.name = "two", .cpu_request = "100m"}});
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, {pod}, edit));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));
  results::Arm arm;
  std::vector<stress::CpuHog> hogs;
  for (const char* name : {"one", "two"}) {
    for (auto& hog : TRY(StartHogs(context, *TRY(tree.Container("pod", name)),
                                   fmt::format("hog-{}", name), contest))) {
      hogs.push_back(std::move(hog));
    }
  }
  Take(arm, TRY(MeasureSpentQuota(context, *stalls,
                                  {.name = "CPU time of the pod a period",
                                   .group = TRY(tree.Pod("pod")),
                                   .quota = quota,
                                   .cpus = cpus})));
  arm.load.push_back(WorkProof(hogs));
  arm.description = is_protected ? "cpu.max " + Max(quota, kPeriod) + " at the pod" : "no quota";
  TellTree(arm, tree);
  return arm;
}

// burstable ── pod  cpu.max 0.3 ─┬─ a  cpu.max 0.08      (all for each CPU of the node,
//                                ├─ b  cpu.max 0.08       a hog on each CPU in each,
//                                └─ c  cpu.max 0.24       periods of 50 ms)
// a and b are throttled by their own quotas, the pod by its own: c is left 0.3 - 2 x 0.08 = 0.14.
Result<results::Arm> MeasureProgress(ArmContext& context) {
  constexpr Microseconds kShort{50'000};
  constexpr Milliseconds kWindow{400};
  // A CPU that stood still for 100 ms under a or b repays that from 8 ms a period of 50: in 625 ms,
  // which is in three windows at the most.
  constexpr int kMostWithout = 3;
  struct Leaf {
    const char* name;
    double quota;     // CPUs, for each CPU of the node
    double expected;  // likewise
  };
  static constexpr Leaf kLeaves[] = {{"c", 0.24, 0.14}, {"a", 0.08, 0.08}, {"b", 0.08, 0.08}};
  const bool is_protected = context.Protected();
  const CpuSet contest = context.ContestCpus();
  const auto cpus = static_cast<double>(contest.size());
  const auto max = [&](double of_each) {
    return Max(Microseconds(std::lround(of_each * cpus * static_cast<double>(kShort.count()))),
               kShort);
  };
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    TRY(Override(plan, TRY(PathOfPod(plan, "pod")), "cpu.max", max(0.3), kWhy));
    for (const Leaf& leaf : kLeaves) {
      const bool starved = !is_protected && leaf.expected > 0.1;
      TRY(Override(plan, TRY(PathOfContainer(plan, "pod", leaf.name)), "cpu.max",
                   starved ? Max(Microseconds(1000), kShort) : max(leaf.quota), kWhy));
    }
    return {};
  };
  const kubelet::Pod pod = MakePod("pod", {{.name = "a", .cpu_request = "100m"},
                                           {.name = "b", .cpu_request = "100m"},
                                           {.name = "c", .cpu_request = "100m"}});
  const capsule::Tree tree =
      TRY(context.Plant(kubelet::SimpleNode(4, GiB(8).value), {}, {pod}, edit));
  const auto stalls = TRY(measure::StallMonitor::Start(context.online(), kWatch));

  std::vector<stress::CpuHog> hogs;
  std::vector<QuotaMeter> meters;
  std::vector<measure::Quantity> quantities;
  for (const Leaf& leaf : kLeaves) {
    const cgroup::Cgroup& group = *TRY(tree.Container("pod", leaf.name));
    for (auto& hog : TRY(StartHogs(context, group, fmt::format("hog-{}", leaf.name), contest))) {
      hogs.push_back(std::move(hog));
    }
    meters.emplace_back(group, *stalls, 2 * kStall, false);
    const double edge = 9.0 / static_cast<double>(kWindow.count());
    quantities.push_back({fmt::format("CPUs of {}", leaf.name),
                          {leaf.expected * cpus, Relation::kAtLeast, edge * cpus, "cpus"}});
  }
  quantities.push_back(
      {"times the pod is throttled, in a period", {1, Relation::kAtLeast, 0.25, "count"}});
  QuotaMeter pod_meter(*TRY(tree.Pod("pod")), *stalls, 2 * kStall, is_protected);
  // A group may have its part on other CPUs while one that was throttled never gets it back.
  std::vector<Nanoseconds> used(hogs.size());
  std::vector<int> without(hogs.size());  // windows in a row
  int longest_without = 0;
  const auto look_at_hogs = [&](bool counts) -> Status {
    for (size_t i = 0; i < hogs.size(); ++i) {
      const Nanoseconds now = TRY(hogs[i].CpuTime());
      if (now != std::exchange(used[i], now)) {
        without[i] = 0;
      } else if (counts) {
        longest_without = std::max(longest_without, ++without[i]);
      }
    }
    return {};
  };
  const auto open = [&]() -> Status {
    for (QuotaMeter& meter : meters) TRY(meter.Open());
    TRY(look_at_hogs(false));
    return pod_meter.Open();
  };
  const auto close = [&](Seconds wall) -> Result<measure::Window> {
    const QuotaMeter::Change whole = TRY(pod_meter.Close());
    TRY(look_at_hogs(!whole.disturbance));
    measure::Window window{{}, whole.disturbance};
    for (QuotaMeter& meter : meters) {
      const QuotaMeter::Change change = TRY(meter.Close());
      window.samples.push_back(Cpus(change.stat, wall));
    }
    window.samples.push_back(static_cast<double>(whole.stat.nr_throttled) *
                             Seconds(kShort).count() / wall.count());
    return window;
  };
  TRY(AwaitRefill(context.clock(), *TRY(tree.Pod("pod")), 3 * kShort));
  measure::WindowedChecks taken = TRY(context.TakeWindows(kWindow, quantities, open, close));

  results::Arm arm;
  arm.description = is_protected ? "quotas at two levels" : "one container at the smallest quota";
  arm.checks = std::move(taken.checks);
  arm.checks.push_back(measure::ExactCheck("windows in a row in which a hog did not run at all",
                                           {kMostWithout, Relation::kAtMost, 0, "count"},
                                           longest_without));
  arm.notes = std::move(taken.notes);
  TellTree(arm, tree);
  arm.load = {WorkProof(hogs)};
  return arm;
}

}  // namespace

Claim CpuMaxNested() {
  return {
      .id = "cpu.max.nested",
      .statement =
          "The smaller of two quotas binds, whether it is that of the pod or that of the container "
          "below it.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpu.max\"; tools/testing/selftests/cgroup/"
          "test_cpu.c, test_cpucg_max_nested",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ─┬─ outer  cpu.max 30000 100000 ── main  cpu.max 60000 100000\n"
                   "           └─ inner  cpu.max 60000 100000 ── main  cpu.max 30000 100000",
           .load = "One CPU hog in each pod's container in turn, pinned to the highest-numbered "
                   "CPU.",
           .expected = "Each uses 30 ms a period.",
           .tolerance = kSpentQuotaTolerance,
           .control = "60 % at both levels: 60 ms a period."},
      .measure = MeasureNested};
}

Claim CpuMaxPodLevel() {
  return {
      .id = "cpu.max.pod-level",
      .statement =
          "A quota of the pod alone holds for all its containers on all CPUs together, though none "
          "of them has a quota.",
      .source =
          "Kubernetes 1.36 pod-level resources (KEP-2837); Documentation/scheduler/"
          "sched-bwc.rst, \"Hierarchical considerations\"",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod  cpu.max 0.4 CPUs for each CPU of the node ─┬─ one  max\n"
                   "                                                             └─ two  max",
           .load = "One CPU hog in each container on each CPU, each pinned to its CPU (in the "
                   "deterministic lane on the highest-numbered CPU only).",
           .expected = "The pod uses its quota in each period: 40 ms for each CPU.",
           .tolerance = kSpentQuotaTolerance,
           .control = "No quota at the pod: all CPUs all the time."},
      .measure = MeasurePodLevel};
}

Claim CpuMaxUnthrottleProgress() {
  return {
      .id = "cpu.max.unthrottle-progress",
      .statement =
          "Groups that are throttled again and again at two levels all go on getting their part.",
      .source =
          "Linux commit fdaba61ef8a2 (a throttled hierarchy left off the leaf list); "
          "Documentation/scheduler/sched-bwc.rst",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}},
      .explanation =
          {.tree = "burstable ── pod  cpu.max 0.30 ─┬─ a  cpu.max 0.08   (CPUs, for each CPU of\n"
                   "                                ├─ b  cpu.max 0.08    the node, in periods\n"
                   "                                └─ c  cpu.max 0.24    of 50 ms)",
           .load = "One CPU hog in each container on each CPU, each pinned to its CPU (in the "
                   "deterministic lane on the highest-numbered CPU only).",
           .expected = "a and b get at least their 0.08, c what they leave of the pod's quota: "
                       "0.30 - 0.16 = 0.14; the pod is throttled in every period; no hog goes "
                       "without CPU time for more than three windows in a row.",
           .tolerance =
               "At each edge of a 400 ms window a CPU may be uncharged for a tick (4 ms) or hold a "
               "slice not yet used (5 ms): 9 / 400 = 0.0225 for each CPU; and an event of eight "
               "may lie "
               "on the other side of either: 2 / 8. A hog whose CPU stood still for 100 ms is "
               "charged that and repays it from 8 ms in every 50: 625 ms, three windows at the "
               "most. Windows in which the "
               "node stood still for 20 ms are discarded and counted.",
           .control = "c has the smallest quota there is, 1 ms a period, as if it were never "
                      "unthrottled: it falls behind."},
      .measure = MeasureProgress};
}

}  // namespace nodeproof::conformance
