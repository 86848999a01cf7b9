// The nodes that weight claims plan for, and edits to their plans.
#pragma once

#include <string>
#include <string_view>

#include "conformance/cpu/shares.h"
#include "harness/capsule/tree.h"
#include "harness/kubelet/plan/plan.h"

namespace nodeproof::conformance {

// A node as the seed examples have it: 4 CPUs, 500m of them reserved.
kubelet::NodeSpec FourCpuNode();
// A node on which any number of pods fit; kubepods is not contested there.
kubelet::NodeSpec LargeNode();

// 500m of CPU reserved for the system. No CPU quotas (cpuCFSQuota: false), so that weights alone
// decide.
kubelet::KubeletConfiguration WeightsOnly();

// The control of most weight claims: every group of the plan gets cpu.weight 100.
void EqualizeWeights(kubelet::Plan& plan);

// Paths of what has no name of its own in a plan.
Result<std::string> PathOfNodeSlice(const kubelet::Plan& plan);
Result<std::string> PathOfQosSlice(const kubelet::Plan& plan, kubelet::QosClass qos);
Result<std::string> PathOfSystemSlice(const kubelet::Plan& plan);

// cpu.weight as planned.
Result<double> PlannedWeight(const kubelet::Plan& plan, std::string_view path);
Status OverrideWeight(kubelet::Plan& plan, std::string_view path, int64_t weight,
                      std::string_view why = "set by the claim");

// Hogs in a pod's container, counted at the pod. Named after the pod.
Result<Contender> InPod(const capsule::Tree& tree, std::string_view pod, double expected_share);
// Hogs in a container, counted there. Named "pod/container".
Result<Contender> InContainer(const capsule::Tree& tree, std::string_view pod,
                              std::string_view container, double expected_share);
Result<Contender> InSystemSlice(const capsule::Tree& tree, double expected_share);

}  // namespace nodeproof::conformance
