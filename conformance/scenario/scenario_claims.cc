#include "conformance/scenario/scenario_claims.h"

namespace nodeproof::conformance {

void RegisterScenarioClaims(ClaimRegistry& registry) {
  registry.Add(ScenarioThreadStacks());
  registry.Add(ScenarioSlabLeak());
  registry.Add(ScenarioReclaimStorm());
  registry.Add(ScenarioCombinedNeighbour());
  registry.Add(ScenarioPerfectNode());
}

}  // namespace nodeproof::conformance
