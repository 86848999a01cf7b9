#include "conformance/cpuset/static_policy.h"

#include <functional>

namespace nodeproof::conformance {
namespace {

using kubelet::PlannedCgroup;

Result<const PlannedCgroup*> ContainerOf(const kubelet::Plan& plan, std::string_view pod) {
  const std::function<const PlannedCgroup*(const PlannedCgroup&)> find =
      [&](const PlannedCgroup& group) -> const PlannedCgroup* {
    if (group.role == kubelet::CgroupRole::kContainer && group.pod_uid == pod) return &group;
    for (const PlannedCgroup& child : group.children) {
      if (const PlannedCgroup* found = find(child)) return found;
    }
    return nullptr;
  };
  if (const PlannedCgroup* found = find(plan.root)) return found;
  const kubelet::PlannedPod planned = TRY(PlannedPodOf(plan, pod));
  return Fail("pod {} was refused: {}: {}", pod, planned.reason, planned.message);
}

}  // namespace

kubelet::KubeletConfiguration StaticPolicy(const CpuSet& reserved,
                                           std::initializer_list<const char*> options) {
  kubelet::KubeletConfiguration config;
  config.cpu_manager_policy = "static";
  config.reserved_system_cpus = reserved;
  for (const char* option : options) config.cpu_manager_policy_options[option] = "true";
  return config;
}

kubelet::Pod ExclusivePod(std::string_view name, int cpus) {
  const std::string amount = fmt::format("{}", cpus);
  return MakePod(name, {{.cpu_request = amount,
                         .cpu_limit = amount,
                         .memory_request = "128Mi",
                         .memory_limit = "128Mi"}});
}

kubelet::Pod SharedPod(std::string_view name) { return MakePod(name, {{.cpu_request = "100m"}}); }

CpuSet FirstCpu(const Topology& topology) { return CpuSet{topology.cpus.front().cpu}; }

CpuSet FirstCore(const Topology& topology) {
  CpuSet core;
  for (const CpuPlace& place : topology.cpus) {
    if (place.core == topology.cpus.front().core) core.Insert(place.cpu);
  }
  return core;
}

Result<kubelet::PlannedPod> PlannedPodOf(const kubelet::Plan& plan, std::string_view pod) {
  for (const kubelet::PlannedPod& planned : plan.pods) {
    if (planned.uid == pod) return planned;
  }
  return Fail("the plan has no pod {}", pod);
}

Result<CpuSet> ExclusiveCpus(const kubelet::Plan& plan, std::string_view pod) {
  return CpuSet::Parse(TRY(ContainerOf(plan, pod))->container->exclusive_cpus);
}

Result<CpuSet> PlannedCpus(const kubelet::Plan& plan, std::string_view pod, const CpuSet& online) {
  const kubelet::PlannedKnob* knob = TRY(ContainerOf(plan, pod))->Knob("cpuset.cpus");
  return knob == nullptr ? online : CpuSet::Parse(knob->value);
}

}  // namespace nodeproof::conformance
