#include "conformance/cpu/quota_meter.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "harness/base/file.h"
#include "harness/measure/idle_time.h"

namespace nodeproof::conformance {
namespace {

using results::Finding;
using results::Relation;

// Periods to look at before anything is decided, and at most.
constexpr int64_t kLeastPeriods = 8;
constexpr int64_t kMostPeriods = 120;

void Decide(results::Check& check, const std::optional<results::Measurement>& measured) {
  if (!measured) return;
  check.measured = *measured;
  check.finding = measure::Judge(check.expected, check.measured);
}

// The time of some CPUs that they were busy with something else than a group, interrupts and a
// hypervisor included.
class OtherTime {
 public:
  OtherTime(const CpuSet& cpus, const Clock& clock) : cpus_(cpus), clock_(clock) {}

  // Since the last call, at most: /proc/stat counts idle time in steps of 10 ms. `group` is what
  // the group used meanwhile.
  Result<Nanoseconds> Take(Nanoseconds group) {
    const Nanoseconds now = clock_.Now();
    const std::string stat = TRY(ReadFile("/proc/stat"));
    Nanoseconds idle{0};
    for (const int cpu : cpus_) idle += TRY(measure::IdleTimeIn(stat, cpu));
    const auto count = static_cast<int64_t>(cpus_.size());
    const Nanoseconds wall = count * (now - std::exchange(last_, now) + Milliseconds(10));
    return wall - (idle - std::exchange(idle_, idle)) - group;
  }

 private:
  CpuSet cpus_;
  const Clock& clock_;
  Nanoseconds last_{0};
  Nanoseconds idle_{0};
};

}  // namespace

kubelet::Pod LimitedPod(std::string_view limit, std::string_view name) {
  return MakePod(name, {{.name = "main", .cpu_request = "10m", .cpu_limit = limit},
                        {.name = "idle", .cpu_request = "10m"}});
}

Status QuotaMeter::Open() {
  last_ = TRY(cgroup::ReadCpuStat(group_));
  stalls_.TakeWorst();
  return {};
}

Result<QuotaMeter::Change> QuotaMeter::Close() {
  const cgroup::CpuStat now = TRY(cgroup::ReadCpuStat(group_));
  Change change{now - last_, std::nullopt, stalls_.TakeWorst()};
  last_ = now;
  if (change.stall > stall_ && refills_matter_) {
    change.disturbance =
        fmt::format("the node stood still for more than {}", FormatDuration(Seconds(stall_)));
  }
  return change;
}

void LoadSum::Add(const QuotaMeter::Change& change, Seconds window) {
  if (change.disturbance) return;
  usage += change.stat.usage;
  periods += change.stat.nr_periods;
  wall += window;
}

results::LoadProof LoadSum::Proof(std::string name, double cpus) const {
  return {std::move(name), "usec", cpus * 1e6 * wall.count(), static_cast<double>(usage.count())};
}

results::LoadProof PeriodsProof(const LoadSum& load, Microseconds period) {
  return {"periods of the quota", "count", 0.8 * load.wall.count() / Seconds(period).count(),
          static_cast<double>(load.periods)};
}

double Cpus(const cgroup::CpuStat& stat, Seconds wall) {
  return Seconds(stat.usage).count() / wall.count();
}

Status AwaitRefill(const Clock& clock, const cgroup::Cgroup& group, Nanoseconds patience) {
  const Nanoseconds deadline = clock.Now() + patience;
  const int64_t before = TRY(cgroup::ReadCpuStat(group)).nr_periods;
  while (clock.Now() < deadline && TRY(cgroup::ReadCpuStat(group)).nr_periods == before) {
    clock.WaitUntil(clock.Now() + Milliseconds(1));
  }
  return {};
}

Result<SpentQuotaChecks> MeasureSpentQuota(ArmContext& context, measure::StallMonitor& stalls,
                                           const SpentQuota& quota) {
  const auto usec = static_cast<double>(quota.quota.count());
  const double rest = static_cast<double>((quota.period * quota.cpus - quota.quota).count());
  const double slack =
      static_cast<double>(quota.throttled_tolerance.value_or(Nanoseconds(0)).count()) / 1000;
  SpentQuotaChecks done{};
  done.used = {quota.name, {usec, Relation::kWithin, quota.tolerance * usec, "usec"}, {}};
  done.throttled = {
      quota.name + ", throttled", {rest, Relation::kWithin, quota.cpus * slack, "usec"}, {}};

  const Clock& clock = context.clock();
  // The first period began in its middle; the second refill is one that a spent quota waited for.
  for (int i = 0; i < 2; ++i) TRY(AwaitRefill(clock, *quota.group, quota.period * 5 / 2));
  Nanoseconds at = clock.Now() + Nanoseconds(quota.period) * 3 / 4;
  stalls.TakeWorst();
  QuotaSpan span(quota.quota, quota.period, quota.cpus);
  const CpuSet cpus = quota.cpus == 1 ? CpuSet{context.QuietCpu()} : context.online();
  OtherTime others(cpus, clock);
  const cgroup::CpuStat before = TRY(cgroup::ReadCpuStat(*quota.group));
  TRY(others.Take(Microseconds(0)));
  cgroup::CpuStat last = before, change, undisturbed;
  for (int64_t seen = 0; seen < kMostPeriods; ++seen, at += quota.period) {
    clock.WaitUntil(at);
    const cgroup::CpuStat stat = TRY(cgroup::ReadCpuStat(*quota.group));
    // A reading that comes late is a stall as well: of the reader's own CPU, if nobody else's.
    // The monitor sees all of a stall but what its thread slept meanwhile.
    const Nanoseconds stall = std::max(stalls.TakeWorst(), clock.Now() - at) + kWatch;
    const cgroup::CpuStat since = stat - last;
    last = stat;
    const bool spent = since.nr_throttled == since.nr_periods;
    span.Add({stat.usage, stat.throttled, stall, spent, TRY(others.Take(since.usage))});
    change = stat - before;
    // Who did not get to the end of its quota has not been kept from more.
    const bool had_it_all = since.usage + 2 * quota.cpus * kTick >= quota.quota;
    if (stall <= Nanoseconds(quota.period) / 5 && (spent || had_it_all)) {
      undisturbed.nr_periods += since.nr_periods;
      undisturbed.nr_throttled += since.nr_throttled;
    }
    if (seen < kLeastPeriods) continue;
    if (const double least = span.UsedAtLeast(); least > usec * (1 + quota.tolerance)) {
      done.used.measured = {least, least, least, {least}};
      done.used.finding = Finding::kOutside;
      break;
    }
    if (span.periods() < kLeastPeriods) continue;
    Decide(done.used, span.UsedPerPeriod());
    Decide(done.throttled, span.ThrottledPerPeriod());
    if (done.used.finding == Finding::kOutside) break;
    if (done.used.finding == Finding::kUnclear) continue;
    if (!quota.throttled_tolerance || done.throttled.finding != Finding::kUnclear) break;
  }
  const cgroup::CpuStat& counted = undisturbed.nr_periods > 0 ? undisturbed : change;
  done.throttled_periods = counted.nr_periods == 0 ? 0
                                                   : static_cast<double>(counted.nr_throttled) /
                                                         static_cast<double>(counted.nr_periods);
  const auto periods = static_cast<double>(span.seen());
  done.load = {quota.name, "usec", 0.1 * usec * (periods - 1),
               static_cast<double>(change.usage.count())};
  if (span.periods() + 1 < span.seen()) {
    done.notes.push_back(
        fmt::format("{} of {} periods left out: the node stood still in or before them",
                    span.seen() - 1 - span.periods(), span.seen() - 1));
  }
  return done;
}

void Take(results::Arm& arm, const SpentQuotaChecks& measured, bool throttled) {
  arm.checks.push_back(measured.used);
  if (throttled) arm.checks.push_back(measured.throttled);
  arm.load.push_back(measured.load);
  arm.notes.insert(arm.notes.end(), measured.notes.begin(), measured.notes.end());
}

void InCpus(results::Check& check, Microseconds period) {
  const double scale = 1 / static_cast<double>(period.count());
  check.expected.value *= scale;
  check.expected.tolerance *= scale;
  check.expected.unit = "cpus";
  for (double* value : {&check.measured.estimate, &check.measured.low, &check.measured.high}) {
    *value *= scale;
  }
  for (double& sample : check.measured.samples) sample *= scale;
}

Result<std::vector<stress::CpuHog>> StartHogs(ArmContext& context, const cgroup::Cgroup& group,
                                              const std::string& name, const CpuSet& cpus) {
  std::vector<stress::CpuHog> hogs;
  for (const int cpu : cpus) {
    hogs.push_back(
        TRY(stress::CpuHog::Start({.name = name, .group = &group, .affinity = CpuSet{cpu}})));
  }
  for (stress::CpuHog& hog : hogs) TRY(hog.AwaitReady(context.patience()));
  return hogs;
}

results::LoadProof WorkProof(const std::vector<stress::CpuHog>& hogs) {
  uint64_t least = std::numeric_limits<uint64_t>::max();
  for (const stress::CpuHog& hog : hogs) least = std::min(least, hog.Work());
  return {hogs.empty() ? "hogs" : "each " + hogs.front().name(), "rounds", 1,
          hogs.empty() ? 0 : static_cast<double>(least)};
}

void TellTree(results::Arm& arm, const capsule::Tree& tree) {
  arm.tree = tree.entries();
  arm.notes.insert(arm.notes.end(), tree.discrepancies().begin(), tree.discrepancies().end());
}

}  // namespace nodeproof::conformance
