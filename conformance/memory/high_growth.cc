// memory.high: growth past it is slowed down, never stopped and never killed.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "conformance/memory/high_throttle.h"
#include "conformance/memory/memory_claims.h"
#include "conformance/memory/steps.h"
#include "conformance/pods.h"
#include "harness/cgroup/stats.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

// A hog's growth past `high`, watched for a while.
struct Growth {
  Bytes touched{0};          // at the end
  Seconds elapsed{0};        // since the last look before usage met `high`, at the end
  int64_t early_events = 0;  // `high` in memory.events while usage was surely below
  int64_t events = 0;        // at the end
  int64_t oom_kills = 0;
  bool alive = false;
};

// A hog that is throttled below `high` may take for ever to come up to it: so long it is waited
// for.
constexpr Nanoseconds kMostForEarly = std::chrono::seconds(30);

Result<Growth> WatchGrowth(ArmContext& context, const cgroup::Cgroup& group, stress::AnonHog& hog,
                           Bytes high, Nanoseconds watch) {
  Growth growth;
  const Clock& clock = context.clock();
  const Nanoseconds begun = clock.Now();
  Nanoseconds below = begun;
  // Two batches a CPU: one may be charged twice over while it is moved between groups.
  const Bytes surely = high - ChargeBatches(context) * 2;
  TRY(Await(context, "usage at memory.high", [&]() -> Result<bool> {
    const Nanoseconds looked = clock.Now();
    const Bytes usage{TRY(cgroup::ReadNumber(group, "memory.current"))};
    if (usage >= high || !TRY(hog.Running())) return true;
    below = looked;
    const int64_t events = TRY(Counter(group, "memory.events", "high"));
    if (Bytes{TRY(cgroup::ReadNumber(group, "memory.current"))} < surely) {
      growth.early_events = events;
    }
    return growth.early_events > 0 && looked - begun > kMostForEarly;
  }));
  const Nanoseconds end = clock.Now() + watch;
  TRY(Await(context, "the end of the watch",
            [&]() -> Result<bool> { return clock.Now() >= end || !TRY(hog.Running()); }));
  growth.touched = hog.Touched();
  growth.elapsed = clock.Now() - below;
  const cgroup::KeyedCounters events = TRY(cgroup::ReadKeyed(group, "memory.events"));
  growth.events = events.Get("high");
  growth.oom_kills = events.Get("oom_kill");
  growth.alive = TRY(hog.Running());
  return growth;
}

Bytes PageSize() { return Bytes{::sysconf(_SC_PAGESIZE)}; }

// What a hog that was to be throttled at `high` must have touched. Where the kernel says that it
// was throttled before, a check says that it should not have been.
results::LoadProof NeededOf(const ArmContext& context, const Growth& growth, Bytes high) {
  const Bytes most = high - KernelShare(context, high);
  return BytesDone("anon hog", growth.early_events > 0 ? Bytes{most.value / 10} : most,
                   growth.touched);
}

// The checks of a hog that was to be throttled at `high`; the first is the deciding one.
std::vector<results::Check> GrowthChecks(const ArmContext& context, const Growth& growth,
                                         Bytes high) {
  const Bytes most = ThrottledUsage(high, PageSize(), growth.elapsed);
  return {BytesAtMost("memory touched by the throttled hog", most, growth.touched,
                      ChargeBatches(context)),
          BytesAtLeast("memory touched before it is throttled", high, growth.touched,
                       KernelShare(context, high)),
          CountIs("oom_kill in memory.events", 0, growth.oom_kills),
          CountIs("high in memory.events while usage was below", 0, growth.early_events),
          measure::ExactCheck("high in memory.events", {1, results::Relation::kAtLeast, 0, "count"},
                              static_cast<double>(growth.events))};
}

// kubepods ── burstable ── pod ── main  memory.high 150M, memory.max 200M   a hog that wants 300M
constexpr Bytes kSeedHigh = MiB(150);
constexpr Bytes kSeedTarget = MiB(300);

Result<results::Arm> MeasureThrottle(ArmContext& context) {
  const bool is_protected = context.Protected();
  const kubelet::Pod pod = MakePod("pod", {{.memory_request = "100Mi", .memory_limit = "200Mi"}});
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "memory.high",
                    fmt::format("{}", kSeedHigh.value), "set by the claim");
  };
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {pod}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  stress::AnonHog hog =
      TRY(stress::AnonHog::Start({.group = &group, .target = kSeedTarget, .oom_score_adj = 1000}));
  const Growth growth = TRY(WatchGrowth(context, group, hog, kSeedHigh, Milliseconds(1500)));
  results::Arm arm = DescribedArm(
      tree, is_protected ? "memory.high 150M, memory.max 200M" : "memory.max 200M alone");
  arm.checks = GrowthChecks(context, growth, kSeedHigh);
  arm.checks.push_back(CountIs("hogs that live", 1, growth.alive));
  arm.load = {NeededOf(context, growth, kSeedHigh)};
  return arm;
}

// A request and a limit that leave a remainder in every step of the formula.
constexpr int64_t kRequest = 5'000'001;
constexpr int64_t kLimit = 80'000'003;

// KEP-2570: floor((request + 0.9 x (limit - request)) / page) x page.
Bytes MemoryHighByKep() {
  const int64_t exact = kRequest + (kLimit - kRequest) * 9 / 10;
  return Bytes{exact / PageSize().value * PageSize().value};
}

Result<results::Arm> MeasureFormula(ArmContext& context) {
  const bool is_protected = context.Protected();
  const std::string request = fmt::format("{}", kRequest);
  const std::string limit = fmt::format("{}", kLimit);
  const kubelet::Pod pod = MakePod("pod", {{.memory_request = request, .memory_limit = limit}});
  kubelet::KubeletConfiguration config;
  if (is_protected) TRY(config.feature_gates.Set(kubelet::kMemoryQoS, true));
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), config, {pod}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  const Bytes high = MemoryHighByKep();
  const Bytes written{TRY(cgroup::ReadNumber(group, "memory.high"))};
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = &group, .target = Bytes{2 * kLimit / PageSize().value * PageSize().value}}));
  const Growth growth = TRY(WatchGrowth(context, group, hog, high, Milliseconds(1000)));
  results::Arm arm =
      DescribedArm(tree, is_protected ? "Memory QoS on" : "Memory QoS off: no memory.high");
  arm.checks = {BytesAtMost("memory.high as the kernel holds it, at most", high, written),
                BytesAtLeast("memory.high as the kernel holds it, at least", high, written)};
  std::ranges::copy(GrowthChecks(context, growth, high), std::back_inserter(arm.checks));
  arm.load = {NeededOf(context, growth, high)};
  return arm;
}

// burstable ── pod ── main  memory.high 16M      a hog that holds 64M already
constexpr Bytes kLateHigh = MiB(16);
constexpr Bytes kHeld = MiB(64);
constexpr Nanoseconds kMostForTwo = std::chrono::seconds(20);

Result<results::Arm> MeasureProgress(ArmContext& context) {
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(MemoryNode(), {}, {MakePod("pod", {{}})}));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));
  stress::AnonHog hog = TRY(stress::AnonHog::Start(
      {.group = &group, .target = kHeld * 4, .oom_score_adj = 1000, .rate = MiB(64)}));
  TRY(Await(context, "64M touched", [&]() -> Result<bool> { return hog.Touched() >= kHeld; }));
  // Four times over memory.high every batch of 64 pages costs the longest sleep, 2 s.
  const char* knob = is_protected ? "memory.high" : "memory.max";
  TRY(group.Write(knob, fmt::format("{}", kLateHigh.value)));
  const Clock& clock = context.clock();
  const Bytes batch = PageSize() * 64;
  const Bytes before = hog.Touched();
  const Nanoseconds begun = clock.Now();
  Bytes gained{0};
  TRY(Await(context, "two batches of 64 pages", [&]() -> Result<bool> {
    gained = hog.Touched() - before;
    return gained >= batch * 2 || clock.Now() - begun > kMostForTwo || !TRY(hog.Running());
  }));
  const Seconds took = clock.Now() - begun;
  const Nanoseconds signalled = clock.Now();
  if (TRY(hog.Running())) TRY(hog.process().Signal(SIGKILL));
  const auto ended = hog.process().Wait(context.patience());
  if (!ended && ended.error().code != ETIMEDOUT) return std::unexpected(ended.error());
  const Seconds dying = clock.Now() - signalled;

  results::Arm arm = DescribedArm(
      tree, is_protected ? "memory.high 16M below 64M in use" : "memory.max 16M in its place");
  arm.checks = {
      BytesAtLeast("memory gained while throttled", batch * 2, gained),
      measure::ExactCheck("time that the gain took, at least",
                          {2, results::Relation::kAtLeast, 0, "s"}, took.count()),
      measure::ExactCheck("time from SIGKILL to the end", {5, results::Relation::kAtMost, 0, "s"},
                          dying.count()),
      CountIs("oom_kill in memory.events", 0, TRY(Counter(group, "memory.events", "oom_kill")))};
  arm.load = {BytesDone("anon hog", kHeld, before)};
  return arm;
}

}  // namespace

Claim MemoryHighThrottles() {
  return {
      .id = "memory.high.throttles",
      .statement = "Growth past memory.high slows to a crawl, without an OOM kill.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"memory.high\"; mm/memcontrol.c, "
          "calculate_high_delay()",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(512)},
      .explanation =
          {.tree = "burstable ── pod ── main  memory.high 150M, memory.max 200M, no swap",
           .load = "A hog that wants 300M of anonymous memory, watched until 1.5 s after usage met "
                   "150M.",
           .expected = "It then holds at least 150M and at most what the kernel's own delays allow "
                       "for that time (about 158M); memory.events counts `high`, but none before "
                       "usage is near 150M, and no oom_kill.",
           .tolerance = "Delays: 64 f^2 s for each batch of 64 pages at an overage of f, in whole "
                        "ticks, summed over the time measured; one batch a CPU beyond that. Below: "
                        "page tables, batches and 1 MiB for the process. A memory.high that acted "
                        "at 165M or at 135M would be seen.",
           .control = "No memory.high: the hog runs into 200M and is OOM-killed."},
      .measure = MeasureThrottle};
}

Claim MemoryHighFormula() {
  return {
      .id = "memory.high.formula",
      .statement =
          "Memory QoS writes memory.high = request + 0.9 x (limit - request), cut to a "
          "page, and that value is the one enforced.",
      .source = "KEP-2570; pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, v1.36",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(256)},
      .explanation =
          {.tree = "burstable ── pod ── main  request 5000001, limit 80000003 bytes:\n"
                   "                          memory.high 72499200",
           .load =
               "A hog that wants twice the limit, watched until 1 s after usage met memory.high.",
           .expected = "memory.high reads back as the formula has it, and the hog is throttled "
                       "there: as in memory.high.throttles.",
           .tolerance = "The value: none. The growth: as in memory.high.throttles.",
           .control = "Memory QoS off: no memory.high, the hog runs into its limit."},
      .measure = MeasureFormula};
}

Claim MemoryHighProgress() {
  return {
      .id = "memory.high.progress",
      .statement = "A task that is throttled as hard as can be goes on, and dies when killed.",
      .source = "mm/memcontrol.c, MEMCG_MAX_HIGH_DELAY_JIFFIES; commit b3ff92916af3 (5.9)",
      .needs = {.controllers = kMemoryControllers, .memory = MiB(512)},
      .explanation =
          {.tree = "besteffort ── pod ── main",
           .load = "A hog that grows by 64M a second. At 64M memory.high is set to 16M: four times "
                   "over. Once it has gained two batches of 64 pages more it gets SIGKILL.",
           .expected = "The two batches take at least 2 s and at most 20 s, the hog is never "
                       "OOM-killed, and ends within 5 s of the signal.",
           .tolerance =
               "A batch costs the longest sleep, 2 s, and what was charged before is used "
               "first: one whole sleep at the least. At the most four sleeps, and 12 s for "
               "reclaim that finds nothing on a slow node. The sleep is killable, so 5 s "
               "are for a slow node.",
           .control = "memory.max 16M in place of memory.high: the hog is OOM-killed and gains "
                      "nothing."},
      .measure = MeasureProgress};
}

}  // namespace nodeproof::conformance
