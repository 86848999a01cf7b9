// Whether a pod still fits beside those admitted before it (the kubelet's predicate admit handler,
// pkg/kubelet/lifecycle/predicate.go, v1.36).
#pragma once

#include <optional>
#include <string>

#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"

namespace nodeproof::kubelet {

struct FitRefusal {
  std::string reason;   // "OutOfcpu"
  std::string message;  // "Node didn't have enough resource: cpu, requested: …"
};

class FitAdmission {
 public:
  // `allocatable` is the node's, `max_pods` the configured number of pods.
  FitAdmission(ResourceList allocatable, int max_pods, const FeatureGates& gates)
      : allocatable_(std::move(allocatable)), max_pods_(max_pods), gates_(gates) {}

  // The refusal, or nullopt after counting the pod in. Only resources of the node's allocatable are
  // looked at.
  std::optional<FitRefusal> Admit(const Pod& pod);

  // Counts a pod in without asking.
  void Count(const Pod& pod);

 private:
  ResourceList allocatable_;
  int max_pods_;
  FeatureGates gates_;
  ResourceList used_;
  int pods_ = 0;
};

}  // namespace nodeproof::kubelet
