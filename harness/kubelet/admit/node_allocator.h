// Admission on one node: CPU Manager, Memory Manager and Topology Manager run together as the
// kubelet runs them when a pod arrives, container by container or for the pod as a whole.
// Sources: pkg/kubelet/cm/topologymanager/scope*.go, pkg/kubelet/cm/admission, Kubernetes 1.36.2.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/cpu_manager/static_policy.h"
#include "harness/kubelet/memory_manager/static_policy.h"
#include "harness/kubelet/plan/plan.h"
#include "harness/kubelet/topology_manager/topology_policy.h"

namespace nodeproof::admit {

// The kubelet's reasons of a refusal.
inline constexpr std::string_view kTopologyAffinityError = "TopologyAffinityError";
inline constexpr std::string_view kUnexpectedAdmissionError = "UnexpectedAdmissionError";

class NodeAllocator {
 public:
  // The managers of a node as the configuration sets them up, without any pod. Errors: what the
  // kubelet does not start with (no reserved CPU for the static policy, unknown or conflicting
  // options, reservedMemory that is not what Node Allocatable reserves, too many NUMA nodes) and
  // the alpha gate PodLevelResourceManagers, which is outside the model.
  static Result<NodeAllocator> Create(const kubelet::NodeSpec& node,
                                      const kubelet::KubeletConfiguration& config,
                                      cpu_manager::Quirks quirks = {});

  // Admits a pod, or refuses it with the kubelet's reason and message and leaves everything as it
  // was. A pod that is admitted already keeps what it has. The kubelet's endless hand-out is a
  // refusal for the reason "EndlessHandOut".
  kubelet::PodAdmission Admit(const kubelet::Pod& pod);

  // Takes back all that a pod holds.
  void Release(const std::string& pod_uid);

  // What the containers of an admitted pod have now: the shared pool shrinks as others come.
  kubelet::PodAdmission AssignmentsOf(const kubelet::Pod& pod) const;

  bool has_static_cpus() const { return cpu_.has_value(); }
  bool has_static_memory() const { return static_memory_; }
  // The CPUs of all containers without exclusive ones; every CPU with the policy none.
  const CpuSet& SharedPool() const { return cpu_state_.default_cpus; }
  // The CPUs that can be given away exclusively, taken or not; none with the policy none.
  CpuSet AllocatableCpus() const { return cpu_ ? cpu_->Allocatable() : CpuSet(); }
  const cpu_manager::CpuState& cpu_state() const { return cpu_state_; }
  const memory_manager::MemoryState& memory_state() const { return memory_state_; }

 private:
  // A pod as the managers read it.
  struct PodNeeds;
  // What a refused pod must not have changed.
  struct Snapshot;
  struct Refusal {
    std::string reason;
    std::string message;
  };
  using Verdict = std::expected<void, Refusal>;

  NodeAllocator() = default;

  Status SetUpTopologyManager(const kubelet::NodeSpec& node,
                              const kubelet::KubeletConfiguration& config);
  Status SetUpCpuManager(const kubelet::NodeSpec& node, const kubelet::KubeletConfiguration& config,
                         cpu_manager::Quirks quirks);
  Status SetUpMemoryManager(const kubelet::NodeSpec& node,
                            const kubelet::KubeletConfiguration& config);

  Result<PodNeeds> NeedsOf(const kubelet::Pod& pod) const;
  Snapshot Save(const std::string& pod_uid) const;
  void Restore(const std::string& pod_uid, Snapshot snapshot);

  Verdict AdmitPod(const PodNeeds& pod);
  std::expected<topology_manager::TopologyHint, Refusal> MergeFor(
      const std::vector<topology_manager::ProviderHints>& providers) const;
  std::vector<topology_manager::ProviderHints> ContainerHints(const PodNeeds& pod,
                                                              size_t container) const;
  std::vector<topology_manager::ProviderHints> PodHints(const PodNeeds& pod) const;
  Verdict AllocateContainer(const PodNeeds& pod, size_t container,
                            const topology_manager::TopologyHint& hint);
  kubelet::ContainerAssignment AssignmentOf(const std::string& pod_uid,
                                            const std::string& container,
                                            const std::string& shared_pool) const;

  kubelet::FeatureGates gates_;
  topology_manager::Policy topology_policy_ = topology_manager::Policy::kNone;
  topology_manager::Scope topology_scope_ = topology_manager::Scope::kContainer;
  topology_manager::PolicyOptions topology_options_;
  topology_manager::NumaInfo numa_;
  std::optional<cpu_manager::StaticPolicy> cpu_;
  cpu_manager::CpuState cpu_state_;
  bool static_memory_ = false;
  memory_manager::MemoryState memory_state_;
};

// The CPU topology that the kubelet would discover on such a node.
Result<cpu_manager::CpuTopology> CpuTopologyOf(const kubelet::NodeSpec& node);

}  // namespace nodeproof::admit
