#include "harness/kubelet/eviction/loop.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/kubelet/eviction/local_storage.h"
#include "harness/kubelet/eviction/requests.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet::eviction {
namespace {

constexpr std::string_view kMemoryPressureTaint = "node.kubernetes.io/memory-pressure";

// The thresholds of this pass. In its first one upstream has not yet got the containerfs thresholds
// that it appends, only those that it overwrote in place.
std::vector<Threshold> ThresholdsOf(const LoopConfig& config, bool first_pass) {
  std::vector<Threshold> thresholds = UpdateContainerFsThresholds(config.thresholds, config.layout);
  if (first_pass) thresholds.resize(config.thresholds.size());
  return thresholds;
}

// A threshold keeps its time for as long as it stays met.
std::vector<std::pair<Threshold, Nanoseconds>> FirstObserved(const std::vector<Threshold>& met,
                                                             const LoopState& state,
                                                             Nanoseconds now) {
  std::vector<std::pair<Threshold, Nanoseconds>> first_observed;
  for (const Threshold& threshold : met) {
    const auto before = std::ranges::find(state.first_observed, threshold,
                                          &std::pair<Threshold, Nanoseconds>::first);
    first_observed.emplace_back(threshold,
                                before == state.first_observed.end() ? now : before->second);
  }
  return first_observed;
}

std::map<NodeCondition, Nanoseconds> ConditionsLastObserved(
    const std::vector<Threshold>& met, std::map<NodeCondition, Nanoseconds> last_observed,
    Nanoseconds now) {
  for (const Threshold& threshold : met) last_observed[ConditionOf(threshold.signal)] = now;
  return last_observed;
}

std::vector<NodeCondition> ConditionsSince(
    const std::map<NodeCondition, Nanoseconds>& last_observed, Nanoseconds period,
    Nanoseconds now) {
  std::vector<NodeCondition> conditions;
  for (const auto& [condition, at] : last_observed) {
    if (now - at < period) conditions.push_back(condition);
  }
  return conditions;
}

std::vector<Threshold> GraceOver(
    const std::vector<std::pair<Threshold, Nanoseconds>>& first_observed, Nanoseconds now) {
  std::vector<Threshold> over;
  for (const auto& [threshold, at] : first_observed) {
    if (now - at >= threshold.grace_period) over.push_back(threshold);
  }
  return over;
}

// Whether the signal was read anew since the last pass, so that a threshold is not acted on twice
// for one reading.
bool IsFresh(Signal signal, const SignalObservations& now, const SignalObservations& before) {
  const auto observed = now.find(signal);
  if (observed == now.end()) return false;
  const auto last = before.find(signal);
  if (last == before.end() || !observed->second.time) return true;
  return !last->second.time || *observed->second.time > *last->second.time;
}

PodEviction Evict(const LoopInput& input, size_t index, int64_t grace_seconds, std::string why) {
  const Pod& pod = input.pods[index].pod;
  return {.pod = index,
          .uid = pod.uid,
          .name = FullName(pod),
          .grace_seconds = grace_seconds,
          .why = std::move(why)};
}

std::vector<PodEviction> LocalStorageEvictions(const LoopConfig& config, const LoopInput& input) {
  std::vector<PodEviction> evictions;
  if (!config.local_storage_capacity_isolation) return evictions;
  for (size_t i = 0; i < input.pods.size(); ++i) {
    if (IsCritical(input.pods[i].pod)) continue;
    if (auto why = LocalStorageViolation(input.pods[i], config.layout, config.gates)) {
      evictions.push_back(Evict(input, i, kImmediateGraceSeconds, std::move(*why)));
    }
  }
  return evictions;
}

int64_t GraceSeconds(const LoopConfig& config, const Threshold& threshold, const Pod& pod) {
  if (threshold.hard()) return kImmediateGraceSeconds;
  return std::min(config.max_pod_grace_seconds,
                  pod.termination_grace_seconds.value_or(config.max_pod_grace_seconds));
}

std::string AmountText(Signal signal, int64_t amount) {
  const std::string_view resource = ResourceOf(signal);
  const bool bytes = resource == "memory" || resource == "ephemeral-storage";
  return (bytes ? Quantity::FromBytes(amount) : Quantity::FromUnits(amount)).ToString();
}

// "memory.available < 100Mi (hard): 90Mi of 8Gi available".
std::string Pressure(const Threshold& threshold, const SignalObservations& signals) {
  const SignalObservation& observed = signals.at(threshold.signal);
  return fmt::format("{}: {} of {} available", ToString(threshold),
                     AmountText(threshold.signal, observed.available),
                     AmountText(threshold.signal, observed.capacity));
}

// What put the pod where it stands in the ranking.
std::string StandingText(const LoopConfig& config, Signal signal, const ActivePod& pod) {
  const int32_t priority = pod.pod.priority.value_or(0);
  if (!pod.stats) return fmt::format("no stats, priority {}", priority);
  const std::vector<Criterion> criteria = CriteriaFor(signal, config.layout);
  const Criterion& last = criteria.back();
  const auto against_request = [&](const Quantity& usage, std::string_view resource) {
    const Quantity request = EvictionRequest(pod.pod, resource, config.gates);
    return fmt::format("uses {}, {} its request {}, priority {}", usage.ToString(),
                       usage > request ? "over" : "within", request.ToString(), priority);
  };
  switch (last.kind) {
    case Criterion::Kind::kMemory:
      return against_request(Quantity::FromBytes(pod.stats->working_set_bytes.value_or(0)),
                             kMemory);
    case Criterion::Kind::kProcesses:
      return fmt::format("priority {}, {} processes", priority, pod.stats->processes.value_or(0));
    default:
      return against_request(DiskUsage(pod, last.fs_uses, last.disk_resource),
                             last.disk_resource == DiskResource::kBytes
                                 ? kEphemeralStorage
                                 : std::string_view("inodes"));
  }
}

// Ranks the pods and evicts the first that is not critical.
Decision EvictOne(const LoopConfig& config, const Threshold& threshold, const LoopInput& input) {
  Decision decision{.kind = Decision::Kind::kNoCandidate, .threshold = threshold};
  const std::string pressure = Pressure(threshold, input.signals);
  decision.ranking = Rank(input.pods, CriteriaFor(threshold.signal, config.layout), config.gates);
  for (const size_t index : decision.ranking) {
    const ActivePod& pod = input.pods[index];
    if (IsCritical(pod.pod)) continue;
    decision.kind = Decision::Kind::kEvict;
    decision.why = fmt::format("{}; {} {}", pressure, FullName(pod.pod),
                               StandingText(config, threshold.signal, pod));
    decision.evictions.push_back(
        Evict(input, index, GraceSeconds(config, threshold, pod.pod), decision.why));
    return decision;
  }
  decision.why = fmt::format(
      "{}; {}", pressure, input.pods.empty() ? "no pod is active" : "all active pods are critical");
  return decision;
}

Decision Decide(const LoopConfig& config, const std::vector<Threshold>& thresholds,
                const LoopInput& input) {
  Decision decision;
  decision.evictions = LocalStorageEvictions(config, input);
  if (!decision.evictions.empty()) {
    decision.kind = Decision::Kind::kLocalStorage;
    decision.why =
        fmt::format("{} pods over their local storage limits", decision.evictions.size());
    return decision;
  }
  if (thresholds.empty()) return decision;
  const auto on_memory = std::ranges::find_if(
      thresholds, [](const Threshold& threshold) { return IsMemorySignal(threshold.signal); });
  const Threshold& threshold = on_memory == thresholds.end() ? thresholds.front() : *on_memory;
  decision.reclaim = ReclaimActionsFor(threshold.signal, config.layout);
  if (decision.reclaim.empty()) return EvictOne(config, threshold, input);
  decision.kind = Decision::Kind::kReclaim;
  decision.threshold = threshold;
  decision.why = Pressure(threshold, input.signals);
  return decision;
}

// Why a pass does nothing.
std::string Quiet(const LoopState& state, Nanoseconds now) {
  if (state.first_observed.empty()) return "no threshold is met";
  if (!state.met.empty()) {
    return fmt::format("{}: not read anew since the last pass", ToString(state.met.front()));
  }
  const auto& [threshold, since] = state.first_observed.front();
  return fmt::format("{}: met for {} so far", ToString(threshold), FormatDuration(now - since));
}

bool Tolerates(const Toleration& toleration, std::string_view taint_key) {
  if (!toleration.effect.empty() && toleration.effect != "NoSchedule") return false;
  if (!toleration.key.empty() && toleration.key != taint_key) return false;
  if (toleration.op == "Exists") return true;
  // The taint's value is empty.
  return (toleration.op.empty() || toleration.op == "Equal") && toleration.value.empty();
}

}  // namespace

std::string_view ToString(ReclaimAction action) {
  switch (action) {
    case ReclaimAction::kDeleteUnusedContainers:
      return "delete unused containers";
    case ReclaimAction::kDeleteUnusedImages:
      return "delete unused images";
  }
  return "";
}

std::vector<ReclaimAction> ReclaimActionsFor(Signal signal, FsLayout layout) {
  if (IsMemorySignal(signal) || signal == Signal::kPidAvailable) return {};
  const std::vector<ReclaimAction> both = {ReclaimAction::kDeleteUnusedContainers,
                                           ReclaimAction::kDeleteUnusedImages};
  if (!layout.dedicated_image_fs) return both;
  const bool imagefs = signal == Signal::kImageFsAvailable || signal == Signal::kImageFsInodesFree;
  if (layout.split_container_fs) {
    return {imagefs ? ReclaimAction::kDeleteUnusedImages : ReclaimAction::kDeleteUnusedContainers};
  }
  const bool nodefs = signal == Signal::kNodeFsAvailable || signal == Signal::kNodeFsInodesFree;
  return nodefs ? std::vector<ReclaimAction>{} : both;
}

std::string_view ToString(Decision::Kind kind) {
  switch (kind) {
    case Decision::Kind::kNothing:
      return "nothing";
    case Decision::Kind::kReclaim:
      return "reclaim";
    case Decision::Kind::kReclaimed:
      return "reclaimed";
    case Decision::Kind::kLocalStorage:
      return "local storage";
    case Decision::Kind::kEvict:
      return "evict";
    case Decision::Kind::kNoCandidate:
      return "no candidate";
  }
  return "";
}

Result<LoopConfig> LoopConfigFor(const KubeletConfiguration& config, FsLayout layout) {
  return LoopConfig{.thresholds = TRY(ParseThresholds(SettingsOf(config))),
                    .layout = layout,
                    .pressure_transition_period = config.eviction_pressure_transition_period,
                    .max_pod_grace_seconds = config.eviction_max_pod_grace_period_seconds,
                    .gates = config.feature_gates};
}

StepResult Step(const LoopConfig& config, const LoopState& state, const LoopInput& input) {
  if (config.thresholds.empty() && !config.local_storage_capacity_isolation) {
    return {.state = state, .decision = {}};
  }
  LoopState next;
  next.started = true;
  const std::vector<Threshold> met =
      MergeThresholds(ThresholdsMet(ThresholdsOf(config, !state.started), input.signals, false),
                      ThresholdsMet(state.met, input.signals, true));
  next.first_observed = FirstObserved(met, state, input.now);
  next.condition_last_observed =
      ConditionsLastObserved(met, state.condition_last_observed, input.now);
  next.conditions =
      ConditionsSince(next.condition_last_observed, config.pressure_transition_period, input.now);
  next.met = GraceOver(next.first_observed, input.now);
  next.last_observations = input.signals;
  std::vector<Threshold> due;
  std::ranges::copy_if(next.met, std::back_inserter(due), [&](const Threshold& threshold) {
    return IsFresh(threshold.signal, input.signals, state.last_observations);
  });
  Decision decision = Decide(config, due, input);
  if (decision.kind == Decision::Kind::kNothing) decision.why = Quiet(next, input.now);
  return {.state = std::move(next), .decision = std::move(decision)};
}

Decision AfterReclaim(const LoopConfig& config, const Decision& asked, const LoopInput& input,
                      const std::optional<SignalObservations>& after) {
  if (asked.kind != Decision::Kind::kReclaim || !asked.threshold) return asked;
  const bool enough = after && ThresholdsMet(ThresholdsOf(config, false), *after, true).empty();
  if (!enough) return EvictOne(config, *asked.threshold, input);
  return {.kind = Decision::Kind::kReclaimed,
          .threshold = asked.threshold,
          .why = "node-level reclaim satisfied every threshold"};
}

Admission Admit(const Pod& pod, const std::vector<NodeCondition>& conditions,
                const FeatureGates& gates) {
  if (conditions.empty() || IsCritical(pod)) return {};
  if (conditions == std::vector{NodeCondition::kMemoryPressure}) {
    const auto tolerates = [](const Toleration& toleration) {
      return Tolerates(toleration, kMemoryPressureTaint);
    };
    if (QosClassOf(pod, gates) != QosClass::kBestEffort) return {};
    if (std::ranges::any_of(pod.tolerations, tolerates)) return {};
  }
  std::vector<std::string_view> names;
  for (const NodeCondition condition : conditions) names.push_back(ToString(condition));
  return {.admit = false,
          .reason = "Evicted",
          .message = fmt::format("the node has {}", fmt::join(names, ", "))};
}

}  // namespace nodeproof::kubelet::eviction
