// The plan of a node whose resource managers are at work: pods are admitted one after the other,
// get their CPUs and NUMA nodes, and the cgroup tree shows them. This is what `nodeproof plan`
// prints.
#pragma once

#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/admit/node_allocator.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/plan/plan.h"

namespace nodeproof::kubelet {

// MakePlan with the admissions of CPU, Memory and Topology Manager; `options.admissions` is
// ignored. A pod that the managers would admit but that does not fit gives back what it got.
// Errors: those of MakePlan and of NodeAllocator::Create.
Result<Plan> PlanNode(const NodeSpec& node, const KubeletConfiguration& config,
                      const std::vector<Pod>& pods, const PlanOptions& options = {},
                      cpu_manager::Quirks quirks = {});

}  // namespace nodeproof::kubelet
