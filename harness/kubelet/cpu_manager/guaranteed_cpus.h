// How many exclusive CPUs the static policy owes the containers of a pod.
// Source: pkg/kubelet/cm/cpumanager/policy_static.go, Kubernetes 1.36.2.
#pragma once

#include <vector>

#include "harness/kubelet/api/feature_gates.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/cpu_manager/static_policy.h"

namespace nodeproof::cpu_manager {

// The pod has pod-level resources that the resource managers do not serve, so that all of it runs
// in the shared pool (they do with the gates PodLevelResources and PodLevelResourceManagers).
bool IsLeftToSharedPool(const kubelet::Pod& pod, const kubelet::FeatureGates& gates);

// The container's CPU request when it is a whole number and the pod's class is Guaranteed, else 0.
int GuaranteedCpus(const kubelet::Pod& pod, const kubelet::Container& container,
                   kubelet::QosClass qos, const kubelet::FeatureGates& gates);

// What the pod needs at its peak: its app containers and sidecars, or an init container with the
// sidecars started before it. Containers that do not ask for whole CPUs count as 0.
int PodGuaranteedCpus(const kubelet::Pod& pod, kubelet::QosClass qos,
                      const kubelet::FeatureGates& gates);

// The containers in start order, init containers first, with the exclusive CPUs of each.
std::vector<ContainerCpus> ContainersOf(const kubelet::Pod& pod, kubelet::QosClass qos,
                                        const kubelet::FeatureGates& gates);

}  // namespace nodeproof::cpu_manager
