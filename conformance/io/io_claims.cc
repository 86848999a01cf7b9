#include "conformance/io/io_claims.h"

namespace nodeproof::conformance {

void RegisterIoClaims(ClaimRegistry& registry) {
  registry.Add(IoMaxReadBps());
  registry.Add(IoMaxWriteBps());
  registry.Add(IoMaxReadIops());
  registry.Add(IoMaxWriteIops());
  registry.Add(IoMaxNested());
  registry.Add(IoMaxNestedWrites());
  registry.Add(IoMaxBuffered());
  registry.Add(IoWeightIocost());
  registry.Add(IoStatAttribution());
  registry.Add(IoPressure());
  registry.Add(IoLatencyVictim());
}

}  // namespace nodeproof::conformance
