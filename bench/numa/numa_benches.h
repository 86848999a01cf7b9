// Benchmarks of the memory hierarchy: latency by working set, nodes against nodes, latency under
// load, bandwidth, migration, and what a group's memory suffers from a neighbour outside.
#pragma once

#include "bench/core/bench.h"

namespace nodeproof::bench {

void RegisterNumaBenches(Registry& registry);

void AddChases(Registry& registry);
void AddMatrices(Registry& registry);
void AddLoadedLatency(Registry& registry);
void AddMigration(Registry& registry);

}  // namespace nodeproof::bench
