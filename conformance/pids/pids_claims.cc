#include "conformance/pids/pids_claims.h"

namespace nodeproof::conformance {

void RegisterPidsClaims(ClaimRegistry& registry) {
  registry.Add(PidsForkBomb());
  registry.Add(PidsVfork());
  registry.Add(PidsThreads());
  registry.Add(PidsClone3());
  registry.Add(PidsForkLatency());
  registry.Add(PidsNested());
  registry.Add(PidsNodeReserve());
  registry.Add(PidsPeak());
  registry.Add(PidsEvents());
  registry.Add(PidsMoved());
}

}  // namespace nodeproof::conformance
