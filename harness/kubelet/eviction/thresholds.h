// Eviction thresholds: how the configuration's strings become thresholds, and when one is met.
//
// Source: pkg/kubelet/eviction/{helpers,defaults_linux}.go, Kubernetes 1.36.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/quantity.h"
#include "harness/kubelet/eviction/signals.h"

namespace nodeproof::kubelet::eviction {

// An amount: a quantity, or else a share of the capacity. The share is a float32, as the kubelet's
// is, so 5 % of 10Gi is 536870920 bytes and not 536870912.
struct ThresholdValue {
  std::optional<Quantity> quantity = {};
  float percentage = 0;  // 0.05 is 5 %; counts only without a quantity
  bool operator==(const ThresholdValue&) const = default;
};

// The amount that `value` stands for, given the capacity (bytes, inodes, pids).
Quantity Resolve(const ThresholdValue& value, int64_t capacity);
// "100Mi" or "5%".
std::string ToString(const ThresholdValue& value);

struct Threshold {
  Signal signal = Signal::kMemoryAvailable;
  ThresholdValue value = {};
  Nanoseconds grace_period{0};  // 0: a hard threshold
  std::optional<ThresholdValue> min_reclaim = {};
  // False only for what UpdateContainerFsThresholds() derives from a missing threshold: upstream's
  // zero value without an operator, which is never met.
  bool compares = true;

  bool hard() const { return grace_period == Nanoseconds{0}; }
  bool operator==(const Threshold&) const = default;
};
// "memory.available < 100Mi (hard)", "nodefs.available < 10% for 1m30s".
std::string ToString(const Threshold& threshold);

struct ThresholdSettings {
  // Signal -> "100Mi", "10%" or, for grace periods, "1m30s".
  StringMap hard = {};               // evictionHard
  StringMap soft = {};               // evictionSoft
  StringMap soft_grace_period = {};  // evictionSoftGracePeriod
  StringMap min_reclaim = {};        // evictionMinimumReclaim
  // enforceNodeAllocatable; "pods" adds the allocatableMemory thresholds.
  std::vector<std::string> enforce_node_allocatable = {"pods"};
};

// The settings of a KubeletConfiguration. With mergeDefaultEvictionSettings every signal that
// evictionHard does not name gets its default; without, evictionHard counts as it stands
// (cmd/kubelet/app/server.go).
ThresholdSettings SettingsOf(const KubeletConfiguration& config);

// The thresholds of a configuration: hard ones by name, then soft ones, then the allocatable
// duplicates (upstream's order is that of a Go map, that is, none). Errors name the field and
// signal: an unknown signal, a value that is neither a positive quantity nor a percentage in
// [0, 100] ("0%" and "100%" mean no threshold), a soft threshold without grace period, a negative
// grace period, a min-reclaim percentage that is not positive or a negative min-reclaim quantity.
Result<std::vector<Threshold>> ParseThresholds(const ThresholdSettings& settings);

// "25.5%" -> 0.255f, in float32 as upstream: the number is rounded to float32, then divided by 100.
// Trailing percent signs are dropped, however many. Errors: no number.
Result<float> ParsePercentage(std::string_view text);

// Adds to each hard memory.available threshold the same one on allocatableMemory.available.
std::vector<Threshold> AddAllocatableThresholds(std::vector<Threshold> thresholds);

// Which of the node's file systems are one and the same.
struct FsLayout {
  bool dedicated_image_fs = false;  // imagefs is a device of its own
  bool split_container_fs = false;  // writable layers live on nodefs, images on imagefs
  bool operator==(const FsLayout&) const = default;
};

// Sets the four containerfs thresholds (hard and soft, bytes and inodes) to those of the file
// system that holds the writable layers: nodefs without a dedicated imagefs or with a split one,
// imagefs otherwise. Thresholds the user gave for containerfs are overwritten in place, missing
// ones are appended; a source that does not exist gives a threshold that never compares.
std::vector<Threshold> UpdateContainerFsThresholds(std::vector<Threshold> thresholds,
                                                   FsLayout layout);

// The thresholds whose value is strictly above what is available; with `enforce_min_reclaim`,
// value + min-reclaim. A signal without observation meets none.
std::vector<Threshold> ThresholdsMet(const std::vector<Threshold>& thresholds,
                                     const SignalObservations& observations,
                                     bool enforce_min_reclaim);

// The first list, then those of the second that it lacks. Equal means: signal, value and grace
// period; min-reclaim does not count.
std::vector<Threshold> MergeThresholds(std::vector<Threshold> first,
                                       const std::vector<Threshold>& second);

// The order in which signals are acted on: memory first, names without a resource (nullopt) last,
// the rest as they come. `signal_of` maps an element to its optional signal. Upstream's comparison
// is no strict order and its result depends on Go's insertion sort (up to 12 elements), which this
// is: of several memory signals the one listed last comes first.
template <typename T, typename SignalOf>
void SortByEvictionPriority(std::vector<T>& items, SignalOf signal_of) {
  const auto before = [&](const T& a, const T& b) {
    const std::optional<Signal> signal = signal_of(a);
    return (signal && IsMemorySignal(*signal)) || !std::optional<Signal>(signal_of(b));
  };
  for (size_t end = 1; end < items.size(); ++end) {
    for (size_t i = end; i > 0 && before(items[i], items[i - 1]); --i) {
      std::swap(items[i], items[i - 1]);
    }
  }
}

}  // namespace nodeproof::kubelet::eviction
