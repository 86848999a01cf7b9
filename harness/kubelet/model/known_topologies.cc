#include "harness/kubelet/model/known_topologies.h"

#include <map>

#include "harness/kubelet/model/cpu_topologies_json.h"

namespace nodeproof::kubelet {
namespace {

using cpu_manager::CpuPlace;
using cpu_manager::CpuTopology;
using cpu_manager::MachineInfo;
using cpu_manager::TopologyCounts;
using Json = nlohmann::json;
using TopologyPtr = std::shared_ptr<const CpuTopology>;

Result<CpuTopology> TopologyFromTable(const Json& table) {
  TopologyCounts counts;
  counts.cpus = table.at("num_cpus");
  counts.cores = table.at("num_cores");
  counts.sockets = table.at("num_sockets");
  counts.numa_nodes = table.at("num_numa_nodes");
  counts.uncore_caches = table.at("num_uncore");
  std::vector<CpuPlace> cpus;
  for (const Json& row : table.at("cpus")) {
    cpus.push_back({row.at(0), row.at(1), row.at(2), row.at(3), row.at(4)});
  }
  return CpuTopology::Create(counts, std::move(cpus));
}

const Json& CarriedTopologies() {
  static const Json topologies = Json::parse(kCpuTopologiesJson, nullptr, false);
  return topologies.at("topologies");
}

}  // namespace

Result<TopologyPtr> KnownTopology(const std::string& name) {
  const auto found = CarriedTopologies().find(name);
  if (found == CarriedTopologies().end()) {
    std::string names;
    for (const std::string& known : KnownTopologyNames())
      names += (names.empty() ? "" : ", ") + known;
    return std::unexpected(WithHint(Error{fmt::format("there is no topology '{}'", name), "", 0},
                                    "known are " + names));
  }
  return std::make_shared<const CpuTopology>(TRY(TopologyFromTable(*found)));
}

std::vector<std::string> KnownTopologyNames() {
  std::vector<std::string> names;
  for (const auto& [name, table] : CarriedTopologies().items()) names.push_back(name);
  return names;
}

Result<MachineInfo> MachineInfoFromCase(const Json& machine_case) {
  MachineInfo machine;
  machine.num_cores_logical = machine_case.at("num_cores_logical");
  machine.num_sockets = machine_case.at("num_sockets");
  for (const Json& node_case : machine_case.at("nodes")) {
    cpu_manager::MachineNode node;
    node.numa = node_case.at("numa");
    for (const Json& core_case : node_case.at("cores")) {
      cpu_manager::MachineCore core;
      core.id = core_case.at("id");
      core.socket = core_case.at("socket");
      core.threads = core_case.at("threads").get<std::vector<int>>();
      if (const auto caches = core_case.find("uncore_caches");
          caches != core_case.end() && !caches->is_null()) {
        core.uncore_caches = caches->get<std::vector<int>>();
      }
      node.cores.push_back(std::move(core));
    }
    machine.nodes.push_back(std::move(node));
  }
  return machine;
}

Result<TopologyPtr> TopologyFromCase(const Json& the_case) {
  if (the_case.contains("topology")) return KnownTopology(the_case.at("topology"));
  const MachineInfo machine = TRY(MachineInfoFromCase(the_case.at("machine_info")));
  return std::make_shared<const CpuTopology>(TRY(CpuTopology::Discover(machine)));
}

}  // namespace nodeproof::kubelet
