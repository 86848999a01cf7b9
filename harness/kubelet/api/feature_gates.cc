#include "harness/kubelet/api/feature_gates.h"

#include <algorithm>

namespace nodeproof::kubelet {
namespace {

const FeatureGate* FindGate(std::string_view name) {
  const auto& gates = KnownFeatureGates();
  const auto found = std::ranges::find(gates, name, &FeatureGate::name);
  return found == gates.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<FeatureGate>& KnownFeatureGates() {
  static const std::vector<FeatureGate> gates = {
      {kPodLevelResources, true, false, "alpha 1.32, beta and on 1.34"},
      {kPodLevelResourceManagers, false, false, "alpha 1.36"},
      {kMemoryQoS, false, false, "alpha 1.22"},
      {kCustomCpuCfsQuotaPeriod, true, false, "alpha 1.12, GA 1.36"},
      {kDisableCpuQuotaWithExclusiveCpus, true, false, "on since 1.33, deprecated 1.36"},
      {kQosReserved, false, false, "alpha 1.11"},
      {kCpuManagerPolicyAlphaOptions, false, false, "alpha 1.23"},
      {kCpuManagerPolicyBetaOptions, true, false, "beta and on 1.23"},
      {kNodeSwap, true, true, "GA 1.34"},
  };
  return gates;
}

bool FeatureGates::Enabled(std::string_view gate) const {
  if (const auto found = overrides_.find(gate); found != overrides_.end()) return found->second;
  const FeatureGate* known = FindGate(gate);
  return known != nullptr && known->enabled;
}

Status FeatureGates::Set(std::string_view gate, bool enabled) {
  const FeatureGate* known = FindGate(gate);
  if (known == nullptr) {
    std::string names;
    for (const FeatureGate& each : KnownFeatureGates()) {
      names += (names.empty() ? "" : ", ") + std::string(each.name);
    }
    return std::unexpected(WithHint(Error{fmt::format("unknown feature gate '{}'", gate), "", 0},
                                    "the model knows " + names));
  }
  if (known->locked && known->enabled != enabled) {
    return std::unexpected(
        WithHint(Error{fmt::format("feature gate {} cannot be set to {}", gate, enabled), "", 0},
                 fmt::format("it is locked to {} ({}); remove it", known->enabled, known->since)));
  }
  overrides_.insert_or_assign(std::string(gate), enabled);
  return {};
}

}  // namespace nodeproof::kubelet
