#include "bench/numa/numa_benches.h"

namespace nodeproof::bench {

void RegisterNumaBenches(Registry& registry) {
  AddChases(registry);
  AddMatrices(registry);
  AddLoadedLatency(registry);
  AddMigration(registry);
}

}  // namespace nodeproof::bench
