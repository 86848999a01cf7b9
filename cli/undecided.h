// Claims that a busy machine left inconclusive in an emulated guest, decided where its load cannot
// be seen: the deterministic lane runs the same kernel on a clock of counted instructions. That is
// no second try of the same measurement, whose noise would be the same.
#pragma once

#include <vector>

#include "cli/catalog.h"
#include "harness/results/results.h"

namespace nodeproof::cli {

// Those of `claims` that are inconclusive in `results` and that the deterministic lane can run;
// none unless the node was a VM without KVM: elsewhere the noise is the node's own.
std::vector<const CatalogEntry*> Undecided(const results::Results& results,
                                           const std::vector<const CatalogEntry*>& claims);

// Puts what the deterministic lane decided (holds or violated) in the place of what was
// inconclusive, with a note of it in the protected arm.
void TakeDecided(const results::Results& decided, results::Results& results);

}  // namespace nodeproof::cli
