#include "bench/interference/interference_benches.h"

#include <algorithm>
#include <any>
#include <optional>

#include "bench/core/context.h"
#include "bench/core/row.h"
#include "bench/interference/isolation.h"
#include "bench/interference/node_trees.h"
#include "bench/interference/operations.h"
#include "harness/base/clock.h"
#include "harness/capsule/capsule.h"
#include "harness/cgroup/stats.h"
#include "harness/probe/scratch_file.h"

namespace nodeproof::bench {
namespace {

constexpr Milliseconds kWindow{50};
// In the quick form a mean is known to a few percent; the thorough one bounds p05 as well, which
// needs more than 104 windows (0.95^104 < 0.005).
constexpr int kQuickWindows = 20;
constexpr int kThoroughWindows = 160;
// The quick matrix is 8 + 2 x 64 arms in 6 minutes, boot and clearing away included: an arm that
// was long in the making (a node under load) is watched less, so that its intervals are wider.
constexpr Milliseconds kQuickArm{2200};
constexpr int kFewestWindows = 8;
constexpr Seconds kPatience{30};

struct GroundFiles {
  probe::ScratchFile victims;
  probe::ScratchFile aggressors;
};

// Made by the first cell that needs files, kept for the run.
Result<Grounds> GroundsOf(Environment& environment, bool needs_files) {
  Grounds grounds;
  if (!needs_files) return grounds;
  std::any& kept = environment.kept["interference.files"];
  if (!kept.has_value()) {
    kept = std::make_shared<GroundFiles>(
        GroundFiles{TRY(probe::ScratchFile::Write(*environment.scratch, kGroundFile)),
                    TRY(probe::ScratchFile::Write(*environment.scratch, kGroundFile))});
  }
  const auto& files = *std::any_cast<std::shared_ptr<GroundFiles>>(kept);
  grounds.directory = *environment.scratch;
  grounds.victims_file = files.victims.path();
  grounds.aggressors_file = files.aggressors.path();
  return grounds;
}

struct ArmResult {
  VictimSeries series;
  double cpus_used = 0;  // of all, by both
  std::unique_ptr<measure::Histogram> latencies;
};

// The processes of one arm; they go before their tree does.
struct Arm {
  capsule::Tree tree;
  const cgroup::Cgroup* victim_group;
  const cgroup::Cgroup* aggressor_group;
  Nanoseconds begun;  // when its making began
  std::vector<Loop> aggressors;
  std::optional<Loop> victim;

  int64_t AggressorsDone() const {
    int64_t done = 0;
    for (const Loop& loop : aggressors) done += loop.Done();
    return done;
  }
  Result<Seconds> CpuTime() const {
    const cgroup::CpuStat a = TRY(cgroup::ReadCpuStat(*victim_group));
    if (aggressor_group == victim_group) return Seconds(a.usage);
    return Seconds(a.usage + TRY(cgroup::ReadCpuStat(*aggressor_group)).usage);
  }
};

Result<Arm> StartArm(Environment& environment, const kubelet::Plan& plan,
                     const NamedOperation& victim, const NamedOperation* aggressor) {
  const Nanoseconds begun = MonotonicClock().Now();
  capsule::Tree tree =
      TRY(environment.planter->Plant(plan, {.memory = kNodeMemory, .pids = kNodePids}));
  const cgroup::Cgroup* victim_group = TRY(tree.Container(kVictim, "main"));
  const auto apart = tree.Container(kAggressor, "main");
  const cgroup::Cgroup* aggressor_group = apart ? *apart : victim_group;
  Arm arm{std::move(tree), victim_group, aggressor_group, begun, {}, std::nullopt};
  const bool files = victim.needs_files || (aggressor != nullptr && aggressor->needs_files);
  Grounds grounds = TRY(GroundsOf(environment, files));
  // The victim is there first and has what it needs, as a pod that was scheduled first.
  arm.victim.emplace(
      TRY(Loop::Start({.name = victim.name, .group = victim_group, .oom_score_adj = -997},
                      [&victim, grounds] { return victim.make(grounds); })));
  TRY(arm.victim->AwaitReady(kPatience));
  if (aggressor == nullptr) return arm;
  grounds.share = static_cast<int>(environment.topology.cpus.size());
  for (int i = 0; i < grounds.share; ++i) {
    arm.aggressors.push_back(
        TRY(Loop::Start({.name = aggressor->name, .group = aggressor_group, .oom_score_adj = 1000},
                        [aggressor, grounds] { return aggressor->make(grounds); })));
  }
  for (Loop& loop : arm.aggressors) TRY(loop.AwaitReady(kPatience));
  return arm;
}

int WindowsFor(const Arm& arm, bool thorough) {
  if (thorough) return kThoroughWindows;
  const Nanoseconds left = kQuickArm - (MonotonicClock().Now() - arm.begun);
  return std::clamp(static_cast<int>(left / kWindow), kFewestWindows, kQuickWindows);
}

Result<ArmResult> Watch(const Environment& environment, Arm& arm) {
  const Clock& clock = MonotonicClock();
  const int windows = WindowsFor(arm, environment.thorough);
  ArmResult result;
  arm.victim->Latencies().Reset();
  const int64_t load_before = arm.AggressorsDone();
  const Seconds cpu_before = TRY(arm.CpuTime());
  const Nanoseconds start = clock.Now();
  Nanoseconds last = start;
  int64_t done = arm.victim->Done();
  for (int window = 0; window < windows; ++window) {
    clock.WaitUntil(last + kWindow);
    const Nanoseconds now = clock.Now();
    const int64_t done_now = arm.victim->Done();
    result.series.rates.push_back(static_cast<double>(done_now - std::exchange(done, done_now)) /
                                  Seconds(now - std::exchange(last, now)).count());
  }
  const Seconds wall = last - start;
  result.cpus_used = (TRY(arm.CpuTime()) - cpu_before) / wall /
                     static_cast<double>(environment.topology.cpus.size());
  TRY(arm.victim->Check());
  for (Loop& loop : arm.aggressors) TRY(loop.Check());
  if (!arm.aggressors.empty() && arm.AggressorsDone() == load_before) {
    return Fail("the aggressor did nothing in {}", FormatDuration(wall));
  }
  result.series.p99 = arm.victim->Latencies().Percentile(0.99);
  result.latencies = std::make_unique<measure::Histogram>();
  result.latencies->Merge(arm.victim->Latencies());
  return result;
}

Result<ArmResult> MeasureArm(Environment& environment, const kubelet::Plan& plan,
                             const NamedOperation& victim, const NamedOperation* aggressor) {
  Arm arm = TRY(StartArm(environment, plan, victim, aggressor));
  return Watch(environment, arm);
}

// A victim's rate without a neighbour, measured by the first cell that asks.
Result<VictimSeries> Alone(Environment& environment, const NamedOperation& victim) {
  std::any& kept = environment.kept[fmt::format("interference.alone.{}", victim.name)];
  if (!kept.has_value()) {
    kept = TRY(MeasureArm(environment, UnprotectedPlan(), victim, nullptr)).series;
  }
  return std::any_cast<VictimSeries>(kept);
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

void PutArm(const std::string& prefix, const Isolation& isolation, double cpus_used,
            Json& quantities) {
  const auto put = [&](const char* name, const results::Measurement& measured, Better better) {
    quantities[prefix + name] = QuantityJson(measured, "ratio", better);
  };
  const auto exact = [](double value) {
    return results::Measurement{value, value, value, {value}};
  };
  put("mean", isolation.mean, Better::kHigher);
  put("p05", isolation.p05, Better::kHigher);
  put("missing samples", exact(isolation.missing_samples), Better::kLower);
  put("latency impact", exact(isolation.latency_impact), Better::kLower);
  put("work conservation", exact(cpus_used), Better::kHigher);
}

Json PercentilesOf(const measure::Histogram& latencies) {
  const auto us = [](Nanoseconds value) { return static_cast<double>(value.count()) / 1e3; };
  return {{"p50", us(latencies.Percentile(0.5))},
          {"p99", us(latencies.Percentile(0.99))},
          {"p999", us(latencies.Percentile(0.999))},
          {"max", us(latencies.Max())}};
}

Result<Json> MeasureCell(const NamedOperation& victim, const NamedOperation& aggressor,
                         const Bench& bench, Environment& environment) {
  const kubelet::Plan plan = TRY(ProtectedPlan(environment.topology));
  const VictimSeries alone = TRY(Alone(environment, victim));
  const ArmResult unprotected = TRY(MeasureArm(environment, UnprotectedPlan(), victim, &aggressor));
  const ArmResult with = TRY(MeasureArm(environment, plan, victim, &aggressor));
  Json quantities = Json::object();
  PutArm("", TRY(IsolationOf(alone, with.series)), with.cpus_used, quantities);
  PutArm("unprotected ", TRY(IsolationOf(alone, unprotected.series)), unprotected.cpus_used,
         quantities);
  const double rate = MeanOf(alone.rates);
  results::Measurement alone_rate{rate, rate, rate, alone.rates};
  quantities["alone"] = QuantityJson(alone_rate, "1/s", Better::kHigher);
  return Json{{"name", bench.id},
              {"what", bench.what},
              {"status", "measured"},
              {"run_type", "iteration"},
              {"time_unit", "us"},
              {"better", ToString(Better::kLower)},
              {"percentiles", PercentilesOf(*with.latencies)},
              {"quantities", std::move(quantities)}};
}

}  // namespace

void RegisterInterference(Registry& registry) {
  for (const NamedOperation& victim : Victims()) {
    for (const NamedOperation& aggressor : Aggressors()) {
      registry.Add({.id = fmt::format("interference.isolation.{}.{}", victim.name, aggressor.name),
                    .what = fmt::format("{} beside {}: what is left of its rate alone.",
                                        victim.what, aggressor.what),
                    .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"},
                              .cgroups = true,
                              .cpus = 2,
                              .memory = kNodeMemory,
                              .scratch = victim.needs_files || aggressor.needs_files},
                    .budget = Seconds(60),
                    .measure = [&victim, &aggressor](const Bench& bench, Environment& environment) {
                      return MeasureCell(victim, aggressor, bench, environment);
                    }});
    }
  }
}

}  // namespace nodeproof::bench
