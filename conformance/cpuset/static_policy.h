// What the cpuset claims configure and ask for: the kubelet's static CPU Manager policy, and pods
// with exclusive CPUs or in the shared pool.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "conformance/arm_context.h"
#include "conformance/pods.h"

namespace nodeproof::conformance {

inline const std::vector<std::string> kCpusetControllers = {"cpu", "cpuset", "memory", "pids"};

// cpuManagerPolicy: static with `reserved` as reservedSystemCPUs and the policy options named on.
kubelet::KubeletConfiguration StaticPolicy(const CpuSet& reserved,
                                           std::initializer_list<const char*> options = {});

// A Guaranteed pod with one container of `cpus` whole CPUs: the static policy gives it these CPUs.
kubelet::Pod ExclusivePod(std::string_view name, int cpus);
// A Burstable pod that asks for 100m: it runs in the shared pool.
kubelet::Pod SharedPod(std::string_view name);

// The node's first CPU: what most of these claims reserve.
CpuSet FirstCpu(const Topology& topology);
// All hardware threads of the node's first core.
CpuSet FirstCore(const Topology& topology);

// The exclusive CPUs of the pod's container in the plan; empty for one in the shared pool. An error
// for a pod that was not admitted.
Result<CpuSet> ExclusiveCpus(const kubelet::Plan& plan, std::string_view pod);
// cpuset.cpus of the pod's container, all of `online` where the plan writes none.
Result<CpuSet> PlannedCpus(const kubelet::Plan& plan, std::string_view pod, const CpuSet& online);
// What the plan says of a pod.
Result<kubelet::PlannedPod> PlannedPodOf(const kubelet::Plan& plan, std::string_view pod);

}  // namespace nodeproof::conformance
