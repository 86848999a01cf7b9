// Claims about what goes wrong on real nodes when several mechanisms meet. Where one mechanism
// alone is the scenario, its own claim has it: page cache that evicts wrongly
// (eviction.page-cache-false), a node process that survives overcommit by what was reserved
// (allocatable.system-keeps-its-part).
#pragma once

#include "conformance/registry.h"

namespace nodeproof::conformance {

void RegisterScenarioClaims(ClaimRegistry& registry);

Claim ScenarioThreadStacks();
Claim ScenarioSlabLeak();
Claim ScenarioReclaimStorm();
Claim ScenarioCombinedNeighbour();
Claim ScenarioPerfectNode();

}  // namespace nodeproof::conformance
