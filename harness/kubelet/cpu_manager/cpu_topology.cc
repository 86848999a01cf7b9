#include "harness/kubelet/cpu_manager/cpu_topology.h"

#include <algorithm>
#include <set>

namespace nodeproof::cpu_manager {
namespace {

constexpr int kHighestCpu = 65535;
constexpr int kHighestNumaNode = 63;  // the kubelet keeps NUMA nodes in 64-bit masks

int IdAt(const CpuPlace& place, Level level) {
  switch (level) {
    case Level::kNuma:
      return place.numa;
    case Level::kSocket:
      return place.socket;
    case Level::kCore:
      return place.core;
    case Level::kUncore:
      return place.uncore;
  }
  return 0;
}

Status CheckPlace(const CpuPlace& place) {
  if (place.cpu < 0 || place.cpu > kHighestCpu) {
    return Fail("CPU {} is outside 0-{}", place.cpu, kHighestCpu);
  }
  if (place.numa < 0 || place.numa > kHighestNumaNode) {
    return Fail("CPU {}: NUMA node {} is outside 0-{}", place.cpu, place.numa, kHighestNumaNode);
  }
  if (place.socket < 0 || place.core < 0 || place.uncore < 0) {
    return Fail("CPU {} has a negative socket, core or uncore cache id", place.cpu);
  }
  return {};
}

}  // namespace

Result<CpuTopology> CpuTopology::Create(TopologyCounts counts, std::vector<CpuPlace> cpus) {
  if (cpus.empty()) return Fail("the topology has no CPU");
  std::ranges::sort(cpus, {}, &CpuPlace::cpu);
  for (size_t i = 0; i < cpus.size(); ++i) {
    TRY(CheckPlace(cpus[i]));
    if (i > 0 && cpus[i].cpu == cpus[i - 1].cpu) {
      return Fail("CPU {} is listed twice", cpus[i].cpu);
    }
  }

  CpuTopology topology;
  topology.counts_ = counts;
  topology.cpus_ = std::move(cpus);
  topology.index_of_cpu_.assign(static_cast<size_t>(topology.cpus_.back().cpu) + 1, -1);
  for (size_t i = 0; i < topology.cpus_.size(); ++i) {
    const int cpu = topology.cpus_[i].cpu;
    topology.index_of_cpu_[static_cast<size_t>(cpu)] = static_cast<int>(i);
    topology.all_cpus_.Insert(cpu);
  }
  for (const Level level : {Level::kNuma, Level::kSocket, Level::kCore, Level::kUncore}) {
    LevelTable& table = topology.levels_[static_cast<size_t>(level)];
    std::set<int> ids;
    for (const CpuPlace& place : topology.cpus_) ids.insert(IdAt(place, level));
    table.ids.assign(ids.begin(), ids.end());
    table.members.resize(table.ids.size());
    for (size_t i = 0; i < topology.cpus_.size(); ++i) {
      const auto found = std::ranges::lower_bound(table.ids, IdAt(topology.cpus_[i], level));
      const auto unit = found - table.ids.begin();
      table.unit_of_cpu.push_back(static_cast<int>(unit));
      table.members[static_cast<size_t>(unit)].push_back(static_cast<int>(i));
    }
  }
  return topology;
}

Result<CpuTopology> CpuTopology::Discover(const MachineInfo& machine) {
  if (machine.num_cores_logical == 0) return Fail("could not detect number of cpus");
  std::vector<CpuPlace> cpus;
  TopologyCounts counts;
  counts.cpus = machine.num_cores_logical;
  counts.sockets = machine.num_sockets;
  std::set<int> numa_nodes;
  std::set<int> uncore_caches;
  for (const MachineNode& node : machine.nodes) {
    counts.cores += static_cast<int>(node.cores.size());
    for (const MachineCore& core : node.cores) {
      if (core.threads.empty()) {
        return Fail("core {} of NUMA node {} has no cpus", core.id, node.numa);
      }
      const std::set<int> threads(core.threads.begin(), core.threads.end());
      if (threads.size() != core.threads.size()) {
        return Fail("cpus of core {} of NUMA node {} are not unique", core.id, node.numa);
      }
      const int uncore = core.uncore_caches.empty() ? core.socket : core.uncore_caches.front();
      for (const int cpu : threads) {
        cpus.push_back({cpu, node.numa, core.socket, *threads.begin(), uncore});
      }
      numa_nodes.insert(node.numa);
      uncore_caches.insert(uncore);
    }
  }
  counts.numa_nodes = static_cast<int>(numa_nodes.size());
  counts.uncore_caches = static_cast<int>(uncore_caches.size());
  return Create(counts, std::move(cpus));
}

int CpuTopology::IndexOf(int cpu) const {
  if (cpu < 0 || static_cast<size_t>(cpu) >= index_of_cpu_.size()) return -1;
  return index_of_cpu_[static_cast<size_t>(cpu)];
}

}  // namespace nodeproof::cpu_manager
