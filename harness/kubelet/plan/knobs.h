// The knobs of each kind of cgroup, as the kubelet and the container runtime write them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/kubelet/allocatable/node_allocatable.h"
#include "harness/kubelet/plan/plan.h"
#include "harness/kubelet/resources/container_resources.h"
#include "harness/kubelet/resources/pod_resources.h"

namespace nodeproof::kubelet {

using Knobs = std::vector<PlannedKnob>;

// What all cgroups of one plan share.
struct KnobContext {
  const NodeSpec& node;
  const KubeletConfiguration& config;
  NodeReservations reservations;
  CgroupDriver driver = CgroupDriver::kSystemd;
  WeightFormula weight_formula = WeightFormula::kQuadratic;
  std::optional<MemoryQosSettings> memory_qos;
  QosSums sums;
};

// The node slice, enforcement per enforceNodeAllocatable.
Knobs NodeSliceKnobs(const KnobContext& context);

// A cgroup whose reservation is enforced. `name` is the configuration's field, for derivations.
Knobs ReservedKnobs(const KnobContext& context, const NodeCgroupConfig& reserved,
                    std::string_view name);

// The Burstable or BestEffort slice. Errors: an invalid qosReserved.
Result<Knobs> QosKnobs(const KnobContext& context, QosClass qos);

// A pod; `exclusive_cpus` if any of its containers holds some.
Knobs PodKnobs(const KnobContext& context, const Pod& pod, bool exclusive_cpus);

// A container, as the runtime writes them.
Knobs ContainerKnobs(const KnobContext& context, const Pod& pod, const Container& container,
                     const ContainerAssignment& assignment);

}  // namespace nodeproof::kubelet
