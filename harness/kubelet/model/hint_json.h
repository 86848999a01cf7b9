// Topology hints as cases write them: {numa: null or [nodes], preferred}.
#pragma once

#include <nlohmann/json.hpp>

#include "harness/base/result.h"
#include "harness/kubelet/topology_manager/hints.h"

namespace nodeproof::kubelet {

Result<topology_manager::TopologyHint> HintFromCase(const nlohmann::json& hint);
Result<topology_manager::HintList> HintListFromCase(const nlohmann::json& hints);
nlohmann::json HintToJson(const topology_manager::TopologyHint& hint);
nlohmann::json HintListToJson(const topology_manager::HintList& hints);
// {resource: [hints]}; resources without a list are null.
nlohmann::json ProviderHintsToJson(const topology_manager::ProviderHints& hints);

}  // namespace nodeproof::kubelet
