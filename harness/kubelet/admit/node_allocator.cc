#include "harness/kubelet/admit/node_allocator.h"

#include <algorithm>

#include "harness/kubelet/cpu_manager/guaranteed_cpus.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::admit {

using cpu_manager::AllocationError;
using cpu_manager::ContainerCpus;
using kubelet::ContainerAssignment;
using kubelet::Pod;
using kubelet::PodAdmission;
using memory_manager::PodMemory;
using topology_manager::ProviderHints;
using topology_manager::TopologyHint;

struct NodeAllocator::PodNeeds {
  std::string uid;
  int peak_cpus = 0;  // 0 too when the CPU Manager does not serve the pod
  std::vector<ContainerCpus> cpus;
  PodMemory memory;
};

struct NodeAllocator::Snapshot {
  CpuSet default_cpus;
  std::string reusable_pod;
  CpuSet reusable_cpus;
  std::optional<std::map<std::string, CpuSet>> cpus;
  memory_manager::MachineState machine;
  std::string reusable_memory_pod;
  std::map<uint64_t, std::map<std::string, uint64_t>> reusable_memory;
  std::optional<memory_manager::ContainerBlocks> blocks;
};

namespace {

std::string UnexpectedMessage(std::string_view error) {
  return fmt::format("Allocate failed due to {}, which is unexpected", error);
}

template <typename Map>
auto EntryOf(const Map& map, const std::string& key) -> std::optional<typename Map::mapped_type> {
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

template <typename Map>
void PutBack(Map& map, const std::string& key, std::optional<typename Map::mapped_type> entry) {
  if (entry) {
    map[key] = std::move(*entry);
  } else {
    map.erase(key);
  }
}

}  // namespace

Result<NodeAllocator::PodNeeds> NodeAllocator::NeedsOf(const Pod& pod) const {
  const kubelet::QosClass qos = kubelet::QosClassOf(pod, gates_);
  const bool left_out = cpu_manager::IsLeftToSharedPool(pod, gates_);
  PodNeeds needs;
  needs.uid = pod.uid;
  needs.peak_cpus = left_out ? 0 : cpu_manager::PodGuaranteedCpus(pod, qos, gates_);
  needs.cpus = cpu_manager::ContainersOf(pod, qos, gates_);
  needs.memory =
      TRY(memory_manager::PodMemoryOf(pod, qos == kubelet::QosClass::kGuaranteed, left_out));
  return needs;
}

NodeAllocator::Snapshot NodeAllocator::Save(const std::string& pod_uid) const {
  return {cpu_state_.default_cpus,  cpu_state_.reusable_pod,
          cpu_state_.reusable_cpus, EntryOf(cpu_state_.assignments, pod_uid),
          memory_state_.machine,    memory_state_.reusable_pod,
          memory_state_.reusable,   EntryOf(memory_state_.assignments, pod_uid)};
}

void NodeAllocator::Restore(const std::string& pod_uid, Snapshot snapshot) {
  cpu_state_.default_cpus = std::move(snapshot.default_cpus);
  cpu_state_.reusable_pod = std::move(snapshot.reusable_pod);
  cpu_state_.reusable_cpus = std::move(snapshot.reusable_cpus);
  PutBack(cpu_state_.assignments, pod_uid, std::move(snapshot.cpus));
  memory_state_.machine = std::move(snapshot.machine);
  memory_state_.reusable_pod = std::move(snapshot.reusable_memory_pod);
  memory_state_.reusable = std::move(snapshot.reusable_memory);
  PutBack(memory_state_.assignments, pod_uid, std::move(snapshot.blocks));
}

std::vector<ProviderHints> NodeAllocator::ContainerHints(const PodNeeds& pod,
                                                         size_t container) const {
  std::vector<ProviderHints> providers(2);
  if (cpu_) providers[0] = cpu_->Hints(cpu_state_, pod.uid, pod.cpus[container]);
  if (static_memory_) providers[1] = memory_manager::Hints(memory_state_, pod.memory, container);
  return providers;
}

std::vector<ProviderHints> NodeAllocator::PodHints(const PodNeeds& pod) const {
  std::vector<ProviderHints> providers(2);
  if (cpu_) providers[0] = cpu_->PodHints(cpu_state_, pod.uid, pod.peak_cpus, pod.cpus);
  if (static_memory_) providers[1] = memory_manager::PodHints(memory_state_, pod.memory);
  return providers;
}

std::expected<TopologyHint, NodeAllocator::Refusal> NodeAllocator::MergeFor(
    const std::vector<ProviderHints>& providers) const {
  const auto merged =
      topology_manager::MergeHints(topology_policy_, topology_options_, numa_, providers);
  if (merged.admit) return merged.hint;
  return std::unexpected(Refusal{std::string(kTopologyAffinityError),
                                 "Resources cannot be allocated with Topology locality"});
}

NodeAllocator::Verdict NodeAllocator::AllocateContainer(const PodNeeds& pod, size_t container,
                                                        const TopologyHint& hint) {
  if (cpu_) {
    const auto cpus = cpu_->Allocate(cpu_state_, pod.uid, pod.cpus[container], hint);
    if (!cpus) {
      const std::string_view type = cpus.error().TypeName();
      if (type != "error") {
        return std::unexpected(Refusal{std::string(type), cpus.error().message});
      }
      return std::unexpected(
          Refusal{std::string(kUnexpectedAdmissionError), UnexpectedMessage(cpus.error().message)});
    }
  }
  if (!static_memory_) return {};
  const Status memory = memory_manager::Allocate(memory_state_, pod.memory, container, hint);
  if (memory) return {};
  return std::unexpected(
      Refusal{std::string(kUnexpectedAdmissionError), UnexpectedMessage(memory.error().message)});
}

NodeAllocator::Verdict NodeAllocator::AdmitPod(const PodNeeds& pod) {
  const bool any_affinity = topology_policy_ == topology_manager::Policy::kNone;
  const bool whole_pod = topology_scope_ == topology_manager::Scope::kPod;
  TopologyHint hint;
  if (!any_affinity && whole_pod) hint = TRY(MergeFor(PodHints(pod)));
  for (size_t container = 0; container < pod.cpus.size(); ++container) {
    // A container's hints see what the containers before it took.
    if (!any_affinity && !whole_pod) hint = TRY(MergeFor(ContainerHints(pod, container)));
    TRY(AllocateContainer(pod, container, hint));
  }
  return {};
}

PodAdmission NodeAllocator::Admit(const Pod& pod) {
  const auto refused = [](std::string reason, std::string message) {
    return PodAdmission{false, std::move(reason), std::move(message), {}};
  };
  const Result<PodNeeds> needs = NeedsOf(pod);
  if (!needs) {
    return refused(std::string(kUnexpectedAdmissionError),
                   UnexpectedMessage(needs.error().message));
  }
  Snapshot before = Save(pod.uid);
  const Verdict verdict = AdmitPod(*needs);
  if (!verdict) {
    Restore(pod.uid, std::move(before));
    return refused(verdict.error().reason, verdict.error().message);
  }
  return AssignmentsOf(pod);
}

void NodeAllocator::Release(const std::string& pod_uid) {
  if (const auto held = EntryOf(cpu_state_.assignments, pod_uid); held && cpu_) {
    for (const auto& [container, cpus] : *held) cpu_->Remove(cpu_state_, pod_uid, container);
  }
  if (const auto held = EntryOf(memory_state_.assignments, pod_uid)) {
    for (const auto& [container, blocks] : *held) {
      memory_manager::Remove(memory_state_, pod_uid, container);
    }
  }
  // The kubelet forgets what could be reused when the next pod comes; nobody can tell the
  // difference, since uids do not come back.
  if (cpu_state_.reusable_pod == pod_uid) {
    cpu_state_.reusable_pod.clear();
    cpu_state_.reusable_cpus = CpuSet();
  }
  if (memory_state_.reusable_pod == pod_uid) {
    memory_state_.reusable_pod.clear();
    memory_state_.reusable.clear();
  }
}

ContainerAssignment NodeAllocator::AssignmentOf(const std::string& pod_uid,
                                                const std::string& container,
                                                const std::string& shared_pool) const {
  ContainerAssignment assignment;
  if (cpu_) {
    const CpuSet* exclusive = cpu_state_.Find(pod_uid, container);
    assignment.exclusive_cpus = exclusive != nullptr;
    assignment.cpuset_cpus = exclusive == nullptr ? shared_pool : exclusive->ToString();
  }
  if (const auto* blocks = memory_state_.Find(pod_uid, container)) {
    CpuSet nodes;
    for (const memory_manager::Block& block : *blocks) {
      for (const int node : block.numa) nodes.Insert(node);
    }
    assignment.cpuset_mems = nodes.ToString();
  }
  return assignment;
}

PodAdmission NodeAllocator::AssignmentsOf(const Pod& pod) const {
  PodAdmission admission;
  const std::string shared_pool = cpu_ ? cpu_state_.default_cpus.ToString() : "";
  for (const auto* containers : {&pod.init_containers, &pod.containers}) {
    for (const kubelet::Container& container : *containers) {
      admission.containers[container.name] = AssignmentOf(pod.uid, container.name, shared_pool);
    }
  }
  return admission;
}

}  // namespace nodeproof::admit
