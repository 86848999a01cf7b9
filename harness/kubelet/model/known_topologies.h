// The CPU topologies that cases name, which the program carries with it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/cpu_manager/cpu_topology.h"

namespace nodeproof::kubelet {

// The topology of that name in testdata/vectors/cpu_topologies.json, header fields as given there.
Result<std::shared_ptr<const cpu_manager::CpuTopology>> KnownTopology(const std::string& name);

std::vector<std::string> KnownTopologyNames();

// What cadvisor would report, as cases write it: {num_cores_logical, num_sockets, nodes: [{numa,
// cores: [{id, socket, threads, uncore_caches}]}]}.
Result<cpu_manager::MachineInfo> MachineInfoFromCase(const nlohmann::json& machine);

// The topology of a case: its `topology` by name, or discovered from its `machine_info`.
Result<std::shared_ptr<const cpu_manager::CpuTopology>> TopologyFromCase(
    const nlohmann::json& the_case);

}  // namespace nodeproof::kubelet
