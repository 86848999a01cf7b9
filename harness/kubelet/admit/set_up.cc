// How a node and its configuration become the managers of a NodeAllocator.
#include <set>

#include "harness/kubelet/admit/node_allocator.h"
#include "harness/kubelet/allocatable/node_allocatable.h"

namespace nodeproof::admit {
namespace {

using cpu_manager::CpuPlace;
using cpu_manager::CpuTopology;
using kubelet::KubeletConfiguration;
using kubelet::NodeSpec;

uint64_t Bytes64(const kubelet::Quantity& quantity) {
  return static_cast<uint64_t>(std::max<int64_t>(quantity.Value(), 0));
}

std::string HugepageResource(int64_t page_size) {
  return std::string(kubelet::kHugepagesPrefix) +
         kubelet::Quantity::FromBytes(page_size).ToString();
}

// A node that says nothing of its NUMA nodes has one.
std::vector<kubelet::NodeNumaNode> NumaNodesOf(const NodeSpec& node) {
  if (!node.numa_nodes.empty()) return node.numa_nodes;
  std::set<int> ids;
  for (const kubelet::NodeCpu& cpu : node.cpus) ids.insert(cpu.numa_node);
  if (ids.empty()) ids.insert(0);
  std::vector<kubelet::NodeNumaNode> nodes;
  for (const int id : ids) {
    nodes.push_back({id, node.memory_bytes / static_cast<int64_t>(ids.size()), {}, {}});
  }
  if (nodes.size() == 1) nodes.front().hugepages = node.hugepages;
  return nodes;
}

memory_manager::ReservedMemory ReservedMemoryOf(const KubeletConfiguration& config) {
  memory_manager::ReservedMemory reserved;
  for (const kubelet::MemoryReservation& reservation : config.reserved_memory) {
    for (const auto& [resource, quantity] : reservation.limits) {
      reserved[reservation.numa_node][resource] += Bytes64(quantity);
    }
  }
  return reserved;
}

}  // namespace

Result<CpuTopology> CpuTopologyOf(const NodeSpec& node) {
  std::vector<CpuPlace> cpus;
  std::set<std::pair<int, int>> cores;  // as cadvisor counts them: by NUMA node
  std::set<int> sockets;
  std::set<int> numa_nodes;
  std::set<int> uncore_caches;
  for (const kubelet::NodeCpu& cpu : node.cpus) {
    cpus.push_back({cpu.cpu, cpu.numa_node, cpu.socket, cpu.core, cpu.uncore_cache});
    cores.insert({cpu.numa_node, cpu.core});
    sockets.insert(cpu.socket);
    numa_nodes.insert(cpu.numa_node);
    uncore_caches.insert(cpu.uncore_cache);
  }
  const cpu_manager::TopologyCounts counts{
      static_cast<int>(cpus.size()), static_cast<int>(cores.size()),
      static_cast<int>(sockets.size()), static_cast<int>(numa_nodes.size()),
      static_cast<int>(uncore_caches.size())};
  return CpuTopology::Create(counts, std::move(cpus));
}

Status NodeAllocator::SetUpTopologyManager(const NodeSpec& node,
                                           const KubeletConfiguration& config) {
  topology_policy_ = TRY(topology_manager::ParsePolicy(config.topology_manager_policy));
  topology_scope_ = TRY(topology_manager::ParseScope(config.topology_manager_scope));
  topology_options_ =
      TRY(topology_manager::ParsePolicyOptions(config.topology_manager_policy_options));
  for (const kubelet::NodeNumaNode& numa : NumaNodesOf(node)) {
    numa_.nodes.push_back(numa.id);
    numa_.distances[numa.id].assign(numa.distances.begin(), numa.distances.end());
  }
  TRY(topology_manager::NumaMask::Of(numa_.nodes));
  TRY(topology_manager::CheckNumaNodeCount(topology_policy_, topology_options_,
                                           numa_.nodes.size()));
  if (topology_policy_ == topology_manager::Policy::kNone) return {};
  return topology_manager::CheckNodesForHints(numa_.nodes);
}

Status NodeAllocator::SetUpCpuManager(const NodeSpec& node, const KubeletConfiguration& config,
                                      cpu_manager::Quirks quirks) {
  const auto topology = std::make_shared<const CpuTopology>(TRY(CpuTopologyOf(node)));
  if (config.cpu_manager_policy == "none") {
    cpu_state_.default_cpus = topology->AllCpus();
    return {};
  }
  if (config.cpu_manager_policy != "static") {
    return std::unexpected(WithHint(
        Error{fmt::format("unknown cpuManagerPolicy '{}'", config.cpu_manager_policy), "", 0},
        "use none or static"));
  }
  const auto reservations = TRY(kubelet::ReservationsOf(node, config));
  const int64_t milli = kubelet::Amount(reservations.system_reserved, kubelet::kCpu).MilliValue() +
                        kubelet::Amount(reservations.kube_reserved, kubelet::kCpu).MilliValue();
  if (milli <= 0) {
    return std::unexpected(
        WithHint(Error{"the static CPU Manager policy requires systemReserved.cpu + "
                       "kubeReserved.cpu to be greater than zero",
                       "", 0},
                 "set kubeReserved.cpu, systemReserved.cpu or reservedSystemCPUs"));
  }
  cpu_manager::StaticPolicyConfig policy;
  policy.options = TRY(cpu_manager::ParseStaticPolicyOptions(
      config.cpu_manager_policy_options, {gates_.Enabled(kubelet::kCpuManagerPolicyAlphaOptions),
                                          gates_.Enabled(kubelet::kCpuManagerPolicyBetaOptions)}));
  policy.num_reserved_cpus =
      static_cast<int>(std::min<int64_t>((milli + 999) / 1000, std::numeric_limits<int>::max()));
  policy.reserved_cpus = config.reserved_system_cpus;
  policy.topology_manager_policy = config.topology_manager_policy;
  policy.quirks = quirks;
  cpu_ = TRY(cpu_manager::StaticPolicy::Create(topology, std::move(policy)));
  return cpu_->Start(cpu_state_);
}

Status NodeAllocator::SetUpMemoryManager(const NodeSpec& node, const KubeletConfiguration& config) {
  if (config.memory_manager_policy == "None") return {};
  if (config.memory_manager_policy != "Static") {
    return std::unexpected(WithHint(
        Error{fmt::format("unknown memoryManagerPolicy '{}'", config.memory_manager_policy), "", 0},
        "use None or Static"));
  }
  std::vector<memory_manager::NumaMemory> nodes;
  for (const kubelet::NodeNumaNode& numa : NumaNodesOf(node)) {
    auto& memory = nodes.emplace_back(memory_manager::NumaMemory{
        numa.id, static_cast<uint64_t>(std::max<int64_t>(numa.memory_bytes, 0)), {}});
    for (const auto& [page_size, pages] : numa.hugepages) {
      memory.hugepages[HugepageResource(page_size)] = static_cast<uint64_t>(page_size * pages);
    }
  }
  TRY(topology_manager::CheckNodesForHints(numa_.nodes));
  const memory_manager::ReservedMemory reserved = ReservedMemoryOf(config);
  std::map<std::string, uint64_t> reservation;
  for (const auto& [resource, quantity] :
       kubelet::SchedulingReservation(TRY(kubelet::ReservationsOf(node, config)))) {
    reservation[resource] = Bytes64(quantity);
  }
  TRY(memory_manager::CheckReservedMemory(reserved, reservation));
  memory_state_.machine = TRY(memory_manager::InitialMachineState(nodes, reserved));
  static_memory_ = true;
  return {};
}

Result<NodeAllocator> NodeAllocator::Create(const NodeSpec& node,
                                            const KubeletConfiguration& config,
                                            cpu_manager::Quirks quirks) {
  if (config.feature_gates.Enabled(kubelet::kPodLevelResourceManagers)) {
    return std::unexpected(
        WithHint(Error{"the feature gate PodLevelResourceManagers (alpha) is outside the model of "
                       "the resource managers",
                       "", 0},
                 "turn it off"));
  }
  NodeAllocator allocator;
  allocator.gates_ = config.feature_gates;
  TRY(allocator.SetUpTopologyManager(node, config));
  TRY(allocator.SetUpCpuManager(node, config, quirks));
  TRY(allocator.SetUpMemoryManager(node, config));
  return allocator;
}

}  // namespace nodeproof::admit
