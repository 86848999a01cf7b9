// Feature gates of Kubernetes 1.36 that change how a node isolates: their defaults and overrides.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"

namespace nodeproof::kubelet {

// Gate names as `featureGates` spells them.
inline constexpr std::string_view kPodLevelResources = "PodLevelResources";
inline constexpr std::string_view kPodLevelResourceManagers = "PodLevelResourceManagers";
inline constexpr std::string_view kMemoryQoS = "MemoryQoS";
inline constexpr std::string_view kCustomCpuCfsQuotaPeriod = "CustomCPUCFSQuotaPeriod";
inline constexpr std::string_view kDisableCpuQuotaWithExclusiveCpus =
    "DisableCPUQuotaWithExclusiveCPUs";
inline constexpr std::string_view kQosReserved = "QOSReserved";
inline constexpr std::string_view kCpuManagerPolicyAlphaOptions = "CPUManagerPolicyAlphaOptions";
inline constexpr std::string_view kCpuManagerPolicyBetaOptions = "CPUManagerPolicyBetaOptions";
inline constexpr std::string_view kNodeSwap = "NodeSwap";

struct FeatureGate {
  std::string_view name;
  bool enabled;            // by default in 1.36
  bool locked = false;     // GA and locked: setting the other value is an error
  std::string_view since;  // how it came to that default
};

// The gates the model knows, by name.
const std::vector<FeatureGate>& KnownFeatureGates();

class FeatureGates {
 public:
  // The defaults of Kubernetes 1.36.
  FeatureGates() = default;

  // Whether `gate` (one of the constants above) is on.
  bool Enabled(std::string_view gate) const;

  // Overrides one gate. Errors: a gate the model does not know (the hint lists
  // those it does), or a locked gate set to the other value. AllAlpha and AllBeta are not accepted:
  // their meaning depends on gates outside the model.
  Status Set(std::string_view gate, bool enabled);

  bool operator==(const FeatureGates&) const = default;

 private:
  std::map<std::string, bool, std::less<>> overrides_;
};

}  // namespace nodeproof::kubelet
