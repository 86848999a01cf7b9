// The CPU Manager's static policy: a state of exclusive CPU sets and one shared pool, and what
// starting, admitting and removing containers does to it.
// Source: pkg/kubelet/cm/cpumanager/policy_static.go, Kubernetes 1.36.2.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/cpu_manager/policy_options.h"
#include "harness/kubelet/cpu_manager/take_by_topology.h"
#include "harness/kubelet/topology_manager/hints.h"

namespace nodeproof::cpu_manager {

using kubelet::ContainerKind;
using topology_manager::NumaMask;
using topology_manager::ProviderHints;
using topology_manager::TopologyHint;

struct ContainerCpus {
  std::string name;
  ContainerKind kind = ContainerKind::kRegular;
  int cpus = 0;  // exclusive CPUs to give; 0: the container runs in the shared pool
};

struct CpuState {
  CpuSet default_cpus;  // the shared pool, reserved CPUs included unless they are strictly reserved
  std::map<std::string, std::map<std::string, CpuSet>> assignments;  // pod uid, container
  // CPUs of finished init containers of the pod that is being admitted.
  std::string reusable_pod;
  CpuSet reusable_cpus;

  const CpuSet* Find(const std::string& pod, const std::string& container) const;
  const CpuSet& ReusableBy(const std::string& pod) const;
  bool operator==(const CpuState&) const = default;
};

struct StaticPolicyConfig {
  StaticPolicyOptions options;
  int num_reserved_cpus = 0;  // ceil of all reserved CPU time
  CpuSet reserved_cpus;       // reservedSystemCPUs; empty: the policy picks them
  std::string topology_manager_policy = "none";
  Quirks quirks = {};
};

class StaticPolicy {
 public:
  // Errors: options that do not go with the machine, reserved CPUs that the machine does not have
  // or that are not num_reserved_cpus many, full-pcpus-only on a header without cores.
  static Result<StaticPolicy> Create(std::shared_ptr<const CpuTopology> topology,
                                     StaticPolicyConfig config);

  const CpuTopology& topology() const { return *topology_; }
  const StaticPolicyOptions& options() const { return config_.options; }
  const CpuSet& reserved() const { return reserved_; }
  // All CPUs that are not reserved.
  CpuSet Allocatable() const { return topology_->AllCpus() - reserved_; }

  // Fills an empty state, or checks one that was restored, in the kubelet's order of checks.
  Status Start(CpuState& state) const;

  // Gives `container` its CPUs, near the hint's NUMA nodes if it names any; nothing happens to one
  // that runs in the shared pool or has its CPUs already. On error the state is as before.
  std::expected<void, AllocationError> Allocate(CpuState& state, const std::string& pod,
                                                const ContainerCpus& container,
                                                const TopologyHint& hint) const;

  // Takes `num_cpus` out of the shared pool and the reusable CPUs.
  Allocation AllocateCpus(CpuState& state, int num_cpus, const std::optional<NumaMask>& affinity,
                          const CpuSet& reusable) const;

  // Returns a container's CPUs to the shared pool, but for those that other containers of its pod
  // hold too.
  void Remove(CpuState& state, const std::string& pod, const std::string& container) const;

  // Hints for the resource "cpu"; no resource for a container of the shared pool. The machine's
  // NUMA nodes must pass topology_manager::CheckNodesForHints.
  ProviderHints Hints(const CpuState& state, const std::string& pod,
                      const ContainerCpus& container) const;
  // Hints for a pod that needs `pod_cpus` at its peak.
  ProviderHints PodHints(const CpuState& state, const std::string& pod, int pod_cpus,
                         std::span<const ContainerCpus> containers) const;

 private:
  StaticPolicy(std::shared_ptr<const CpuTopology> topology, StaticPolicyConfig config);

  Status Reserve();
  CpuSet Pool() const;
  Allocation Take(const CpuSet& available, int num_cpus) const;
  CpuSet AlignedTo(NumaMask affinity, const CpuSet& cpus) const;
  std::expected<void, AllocationError> CheckSmtAlignment(const CpuState& state, int cpus) const;
  void UpdateReusable(CpuState& state, const std::string& pod, ContainerKind kind,
                      const CpuSet& cpus) const;
  topology_manager::HintList HintsFor(const CpuSet& available, const CpuSet& reusable,
                                      int request) const;
  std::vector<char> SocketsOf(NumaMask affinity) const;
  bool IsSocketAligned(NumaMask affinity, int min_nodes) const;

  std::shared_ptr<const CpuTopology> topology_;
  StaticPolicyConfig config_;
  CpuSet reserved_;
  CpuSet reserved_cores_;  // the reserved CPUs and all their siblings
  std::vector<NumaMask> masks_;
};

}  // namespace nodeproof::cpu_manager
