#include "harness/kubelet/cpu_manager/static_policy.h"

#include <algorithm>

namespace nodeproof::cpu_manager {
namespace {

const CpuSet kNoCpus;

CpuSet Keep(const CpuSet& cpus, auto&& wanted) {
  std::set<int> kept;
  for (const int cpu : cpus) {
    if (wanted(cpu)) kept.insert(kept.end(), cpu);
  }
  return CpuSet(std::move(kept));
}

size_t CountOutside(const CpuSet& cpus, const CpuSet& without) {
  return static_cast<size_t>(
      std::ranges::count_if(cpus, [&](int cpu) { return !without.Contains(cpu); }));
}

}  // namespace

const CpuSet* CpuState::Find(const std::string& pod, const std::string& container) const {
  const auto containers = assignments.find(pod);
  if (containers == assignments.end()) return nullptr;
  const auto found = containers->second.find(container);
  return found == containers->second.end() ? nullptr : &found->second;
}

const CpuSet& CpuState::ReusableBy(const std::string& pod) const {
  return reusable_pod == pod ? reusable_cpus : kNoCpus;
}

StaticPolicy::StaticPolicy(std::shared_ptr<const CpuTopology> topology, StaticPolicyConfig config)
    : topology_(std::move(topology)), config_(std::move(config)) {
  const std::vector<int>& nodes = topology_->Ids(Level::kNuma);
  if (topology_manager::CheckNodesForHints(nodes)) masks_ = topology_manager::AllMasks(nodes);
}

Result<StaticPolicy> StaticPolicy::Create(std::shared_ptr<const CpuTopology> topology,
                                          StaticPolicyConfig config) {
  TRY(CheckOptionsOnTopology(config.options, topology->counts(), config.topology_manager_policy));
  if (config.options.full_pcpus_only && topology->CpusPerCore() == 0) {
    return Fail(
        "full-pcpus-only needs to know the cores, but the topology's header counts {} of "
        "them for {} CPUs",
        topology->counts().cores, topology->counts().cpus);
  }
  StaticPolicy policy(std::move(topology), std::move(config));
  TRY(policy.Reserve());
  return policy;
}

Status StaticPolicy::Reserve() {
  reserved_ = config_.reserved_cpus;
  if (reserved_.empty()) {
    reserved_ = Take(topology_->AllCpus(), config_.num_reserved_cpus).value_or(CpuSet());
  }
  if (reserved_.size() != static_cast<size_t>(config_.num_reserved_cpus)) {
    return Fail(
        "[cpumanager] unable to reserve the required amount of CPUs (size of {} did not "
        "equal {})",
        reserved_.ToString(), config_.num_reserved_cpus);
  }
  for (const int cpu : reserved_) {
    const int index = topology_->IndexOf(cpu);
    if (index < 0) {
      return Fail(
          "[cpumanager] unable to build the reserved physical CPUs from the reserved set: "
          "there is no CPU {}",
          cpu);
    }
    const int core = topology_->UnitOf(Level::kCore, static_cast<size_t>(index));
    for (const int sibling : topology_->Members(Level::kCore, core)) {
      reserved_cores_.Insert(topology_->cpus()[static_cast<size_t>(sibling)].cpu);
    }
  }
  return {};
}

// What the shared pool and the exclusive sets are together.
CpuSet StaticPolicy::Pool() const {
  return config_.options.strict_cpu_reservation ? Allocatable() : topology_->AllCpus();
}

Status StaticPolicy::Start(CpuState& state) const {
  if (state.default_cpus.empty()) {
    if (!state.assignments.empty()) return Fail("default cpuset cannot be empty");
    state.default_cpus = Pool();
    return {};
  }
  const CpuSet reserved_in_default = reserved_ & state.default_cpus;
  if (config_.options.strict_cpu_reservation) {
    if (!reserved_in_default.empty()) {
      return Fail("some of strictly reserved cpus: \"{}\" are present in defaultCpuSet: \"{}\"",
                  reserved_in_default.ToString(), state.default_cpus.ToString());
    }
  } else if (reserved_in_default != reserved_) {
    return Fail("not all reserved cpus: \"{}\" are present in defaultCpuSet: \"{}\"",
                reserved_.ToString(), state.default_cpus.ToString());
  }
  CpuSet known = state.default_cpus;
  for (const auto& [pod, containers] : state.assignments) {
    for (const auto& [container, cpus] : containers) {
      if (state.default_cpus.Intersects(cpus)) {
        return Fail("pod: {}, container: {} cpuset: \"{}\" overlaps with default cpuset \"{}\"",
                    pod, container, cpus.ToString(), state.default_cpus.ToString());
      }
      known = known | cpus;
    }
  }
  if (known != Pool()) {
    return Fail("current set of available CPUs \"{}\" doesn't match with CPUs in state \"{}\"",
                Pool().ToString(), known.ToString());
  }
  return {};
}

Allocation StaticPolicy::Take(const CpuSet& available, int num_cpus) const {
  const StaticPolicyOptions& options = config_.options;
  const CpuSorting sorting =
      options.distribute_cpus_across_cores ? CpuSorting::kSpread : CpuSorting::kPacked;
  if (options.distribute_cpus_across_numa) {
    const int group = options.full_pcpus_only ? topology_->CpusPerCore() : 1;
    return TakeDistributed(*topology_, available, num_cpus, {group, sorting, config_.quirks});
  }
  return TakePacked(*topology_, available, num_cpus,
                    {sorting, options.prefer_align_cpus_by_uncore_cache, config_.quirks});
}

std::vector<char> StaticPolicy::SocketsOf(NumaMask affinity) const {
  std::vector<char> sockets(topology_->Ids(Level::kSocket).size(), 0);
  for (size_t cpu = 0; cpu < topology_->cpus().size(); ++cpu) {
    if (!affinity.Has(topology_->cpus()[cpu].numa)) continue;
    sockets[static_cast<size_t>(topology_->UnitOf(Level::kSocket, cpu))] = 1;
  }
  return sockets;
}

CpuSet StaticPolicy::AlignedTo(NumaMask affinity, const CpuSet& cpus) const {
  const bool by_socket = config_.options.align_by_socket;
  const std::vector<char> sockets = by_socket ? SocketsOf(affinity) : std::vector<char>();
  return Keep(cpus, [&](int cpu) {
    const int index = topology_->IndexOf(cpu);
    if (index < 0) return false;
    const auto at = static_cast<size_t>(index);
    if (!by_socket) return affinity.Has(topology_->cpus()[at].numa);
    return sockets[static_cast<size_t>(topology_->UnitOf(Level::kSocket, at))] != 0;
  });
}

std::expected<void, AllocationError> StaticPolicy::CheckSmtAlignment(const CpuState& state,
                                                                     int cpus) const {
  if (!config_.options.full_pcpus_only) return {};
  const int per_core = topology_->CpusPerCore();
  if (cpus % per_core != 0) {
    return std::unexpected(AllocationError{
        AllocationFailure::kSmtAlignment,
        fmt::format("SMT Alignment Error: requested {} cpus not multiple cpus per core = {}", cpus,
                    per_core)});
  }
  // The siblings of reserved CPUs are no whole cores any more.
  const size_t available = CountOutside(state.default_cpus, reserved_cores_);
  if (static_cast<size_t>(cpus) > available) {
    return std::unexpected(AllocationError{
        AllocationFailure::kSmtAlignment,
        fmt::format("SMT Alignment Error: not enough free physical CPUs: available physical CPUs = "
                    "{}, requested CPUs = {}, CPUs per core = {}",
                    available, cpus, per_core)});
  }
  return {};
}

std::expected<void, AllocationError> StaticPolicy::Allocate(CpuState& state, const std::string& pod,
                                                            const ContainerCpus& container,
                                                            const TopologyHint& hint) const {
  if (container.cpus <= 0) return {};
  TRY(CheckSmtAlignment(state, container.cpus));
  if (const CpuSet* present = state.Find(pod, container.name)) {
    UpdateReusable(state, pod, container.kind, CpuSet(*present));
    return {};
  }
  const CpuSet cpus =
      TRY(AllocateCpus(state, container.cpus, hint.affinity, state.ReusableBy(pod)));
  state.assignments[pod][container.name] = cpus;
  UpdateReusable(state, pod, container.kind, cpus);
  return {};
}

Allocation StaticPolicy::AllocateCpus(CpuState& state, int num_cpus,
                                      const std::optional<NumaMask>& affinity,
                                      const CpuSet& reusable) const {
  const CpuSet allocatable = (state.default_cpus - reserved_) | reusable;
  CpuSet result;
  if (affinity) {
    const CpuSet aligned = AlignedTo(*affinity, allocatable);
    result = TRY(Take(aligned, std::min(num_cpus, static_cast<int>(aligned.size()))));
  }
  const int remaining = num_cpus - static_cast<int>(result.size());
  if (remaining > 0) result = result | TRY(Take(allocatable - result, remaining));
  state.default_cpus = state.default_cpus - result;
  return result;
}

void StaticPolicy::UpdateReusable(CpuState& state, const std::string& pod, ContainerKind kind,
                                  const CpuSet& cpus) const {
  if (state.reusable_pod != pod) {
    state.reusable_pod = pod;
    state.reusable_cpus = CpuSet();
  }
  state.reusable_cpus =
      kind == ContainerKind::kInit ? state.reusable_cpus | cpus : state.reusable_cpus - cpus;
}

void StaticPolicy::Remove(CpuState& state, const std::string& pod,
                          const std::string& container) const {
  const auto containers = state.assignments.find(pod);
  if (containers == state.assignments.end()) return;
  const auto found = containers->second.find(container);
  if (found == containers->second.end()) return;
  CpuSet released = found->second;
  containers->second.erase(found);
  for (const auto& [sibling, cpus] : containers->second) released = released - cpus;
  if (containers->second.empty()) state.assignments.erase(containers);
  state.default_cpus = state.default_cpus | released;
}

ProviderHints StaticPolicy::Hints(const CpuState& state, const std::string& pod,
                                  const ContainerCpus& container) const {
  if (container.cpus <= 0) return {};
  const std::string cpu = "cpu";
  if (const CpuSet* present = state.Find(pod, container.name)) {
    if (present->size() != static_cast<size_t>(container.cpus)) {
      return {{cpu, topology_manager::HintList()}};
    }
    return {{cpu, HintsFor(*present, CpuSet(), container.cpus)}};
  }
  return {{cpu, HintsFor(state.default_cpus - reserved_, state.ReusableBy(pod), container.cpus)}};
}

ProviderHints StaticPolicy::PodHints(const CpuState& state, const std::string& pod, int pod_cpus,
                                     std::span<const ContainerCpus> containers) const {
  if (pod_cpus <= 0) return {};
  const std::string cpu = "cpu";
  CpuSet assigned;
  for (const ContainerCpus& container : containers) {
    const CpuSet* present = state.Find(pod, container.name);
    if (present == nullptr) continue;
    if (present->size() != static_cast<size_t>(container.cpus)) {
      return {{cpu, topology_manager::HintList()}};
    }
    assigned = assigned | *present;
  }
  if (assigned.size() == static_cast<size_t>(pod_cpus)) {
    return {{cpu, HintsFor(assigned, CpuSet(), pod_cpus)}};
  }
  const CpuSet reusable = state.ReusableBy(pod) | assigned;
  return {{cpu, HintsFor(state.default_cpus - reserved_, reusable, pod_cpus)}};
}

bool StaticPolicy::IsSocketAligned(NumaMask affinity, int min_nodes) const {
  const TopologyCounts& counts = topology_->counts();
  const int nodes_per_socket = counts.sockets == 0 ? 0 : counts.numa_nodes / counts.sockets;
  if (nodes_per_socket == 0) return false;
  const int min_sockets = (min_nodes + nodes_per_socket - 1) / nodes_per_socket;
  return std::ranges::count(SocketsOf(affinity), 1) == min_sockets;
}

topology_manager::HintList StaticPolicy::HintsFor(const CpuSet& available, const CpuSet& reusable,
                                                  int request) const {
  std::vector<int> available_in(topology_manager::kHighestNumaNode + 1, 0);
  const auto node_of = [this](int cpu) {
    const int index = topology_->IndexOf(cpu);
    return index < 0 ? -1 : topology_->cpus()[static_cast<size_t>(index)].numa;
  };
  for (const int cpu : available) {
    if (const int node = node_of(cpu); node >= 0) ++available_in[static_cast<size_t>(node)];
  }
  uint64_t reusable_bits = 0;
  for (const int cpu : reusable) {
    if (const int node = node_of(cpu); node >= 0) reusable_bits |= uint64_t{1} << node;
  }
  const NumaMask reusable_nodes(reusable_bits);

  const std::vector<int>& nodes = topology_->Ids(Level::kNuma);
  int min_nodes = static_cast<int>(nodes.size());
  topology_manager::HintList hints;
  for (const NumaMask mask : masks_) {
    int capacity = 0;
    int matching = static_cast<int>(reusable.size());
    for (size_t unit = 0; unit < nodes.size(); ++unit) {
      if (!mask.Has(nodes[unit])) continue;
      capacity += static_cast<int>(topology_->Members(Level::kNuma, static_cast<int>(unit)).size());
      matching += available_in[static_cast<size_t>(nodes[unit])];
    }
    if (capacity >= request) min_nodes = std::min(min_nodes, mask.Count());
    if (!mask.Contains(reusable_nodes) || matching < request) continue;
    hints.push_back({mask, false});
  }
  for (TopologyHint& hint : hints) {
    hint.preferred =
        hint.affinity->Count() == min_nodes ||
        (config_.options.align_by_socket && IsSocketAligned(*hint.affinity, min_nodes));
  }
  return hints;
}

}  // namespace nodeproof::cpu_manager
