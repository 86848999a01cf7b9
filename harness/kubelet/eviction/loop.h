// One pass of the kubelet's eviction loop as a pure function: (state, what was observed, clock) to
// (new state, what to do). Who drives it reads the signals, calls Step() every ten seconds, carries
// out the decision and keeps the state.
//
//   observe ─▶ met? ─▶ first met when ─▶ node conditions ─▶ grace over? ─▶ stats newer than last
//   time?
//     ─▶ pods over their local storage limits: evict them, done
//     ─▶ most urgent threshold ─▶ node-level reclaim ─▶ still met? ─▶ rank ─▶ evict one pod
//
// Source: pkg/kubelet/eviction/eviction_manager.go (synchronize, Admit), Kubernetes 1.36.2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/eviction/ranking.h"
#include "harness/kubelet/eviction/signals.h"
#include "harness/kubelet/eviction/thresholds.h"

namespace nodeproof::kubelet::eviction {

// Between two passes, unless a pod was evicted: then the next one starts when it is cleaned up,
// after 30 s at the latest.
inline constexpr Nanoseconds kMonitoringInterval = std::chrono::seconds(10);
inline constexpr Nanoseconds kPodCleanupTimeout = std::chrono::seconds(30);
// The grace of a hard threshold's and of a local storage eviction.
inline constexpr int64_t kImmediateGraceSeconds = 1;

struct LoopConfig {
  std::vector<Threshold> thresholds = {};  // of ParseThresholds(); containerfs is derived here
  FsLayout layout = {};
  Nanoseconds pressure_transition_period = std::chrono::minutes(5);
  int64_t max_pod_grace_seconds = 0;  // evictionMaxPodGracePeriod, caps the grace of soft evictions
  bool local_storage_capacity_isolation = true;
  FeatureGates gates = {};
};

// The configuration of a node's loop. Errors: those of ParseThresholds().
Result<LoopConfig> LoopConfigFor(const KubeletConfiguration& config, FsLayout layout);

// What one pass leaves for the next. A fresh one is that of a kubelet that has just started.
struct LoopState {
  bool started = false;
  // Thresholds that are met, grace over or not, and since when.
  std::vector<std::pair<Threshold, Nanoseconds>> first_observed = {};
  std::vector<Threshold> met = {};  // those whose grace is over
  std::map<NodeCondition, Nanoseconds> condition_last_observed = {};
  std::vector<NodeCondition> conditions = {};  // what the node reports: sorted
  SignalObservations last_observations = {};
  bool operator==(const LoopState&) const = default;
};

struct LoopInput {
  Nanoseconds now{0};
  SignalObservations signals = {};
  std::vector<ActivePod> pods = {};  // not yet terminated
};

// Node-level reclaim, which comes before any pod is evicted.
enum class ReclaimAction { kDeleteUnusedContainers, kDeleteUnusedImages };
std::string_view ToString(ReclaimAction action);
// What is reclaimed under pressure on `signal`, in order; nothing for memory and pids.
std::vector<ReclaimAction> ReclaimActionsFor(Signal signal, FsLayout layout);

struct PodEviction {
  size_t pod = 0;  // index into LoopInput::pods
  std::string uid = {};
  std::string name = {};      // namespace/name
  int64_t grace_seconds = 0;  // the override that is passed on; who kills raises it to at least 1
  std::string why = {};
};

struct Decision {
  enum class Kind {
    kNothing,       // no threshold calls for action
    kReclaim,       // carry out `reclaim`, observe again, call AfterReclaim()
    kReclaimed,     // reclaim was enough
    kLocalStorage,  // `evictions`: pods over their own limits, however many
    kEvict,         // `evictions`: exactly one pod
    kNoCandidate,   // a threshold calls for a pod, but none is active or all are critical
  };
  Kind kind = Kind::kNothing;
  std::optional<Threshold> threshold = {};  // the one acted on
  std::vector<ReclaimAction> reclaim = {};
  std::vector<size_t> ranking = {};  // of LoopInput::pods, first evicted first
  std::vector<PodEviction> evictions = {};
  std::string why = {};
};
std::string_view ToString(Decision::Kind kind);

struct StepResult {
  LoopState state = {};
  Decision decision = {};
};

// One pass. Of several memory thresholds whose time has come, the first in the list is acted on,
// and of several others too when there is none on memory; upstream takes them in no defined order.
StepResult Step(const LoopConfig& config, const LoopState& state, const LoopInput& input);

// The rest of a pass whose decision was kReclaim: `after` are the signals once reclaim has run, or
// nullopt if they could not be read. The state stays as Step() gave it.
Decision AfterReclaim(const LoopConfig& config, const Decision& asked, const LoopInput& input,
                      const std::optional<SignalObservations>& after);

struct Admission {
  bool admit = true;
  std::string reason = {};  // "Evicted" when not admitted
  std::string message = {};
};
// Whether a pod may start on a node with these conditions: critical ones always; under
// MemoryPressure alone all but BestEffort ones that do not tolerate the taint
// node.kubernetes.io/memory-pressure:NoSchedule; under any other pressure none.
Admission Admit(const Pod& pod, const std::vector<NodeCondition>& conditions,
                const FeatureGates& gates = {});

}  // namespace nodeproof::kubelet::eviction
