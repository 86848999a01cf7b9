// The interference matrix: each victim beside each aggressor, unprotected and protected as a
// kubelet protects a Guaranteed pod from a BestEffort one.
#pragma once

#include "bench/core/bench.h"

namespace nodeproof::bench {

// One benchmark a cell: "interference.isolation.<victim>.<aggressor>".
void RegisterInterference(Registry& registry);

}  // namespace nodeproof::bench
