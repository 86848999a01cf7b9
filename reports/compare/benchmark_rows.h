// Benchmark rows as quantities, so that they are compared and judged as claims are.
#pragma once

#include <vector>

#include "harness/results/results.h"

namespace nodeproof::reports {

// One claim a row and repetition, its checks the row's times (real, CPU, percentiles) in
// nanoseconds as bounds without a value: less is better, or more where the row says `better:
// higher`. Rows that are aggregates, and fields that are no numbers, are left out. A row's
// "samples", in its time unit, are taken as the samples of its real time.
std::vector<results::Claim> BenchmarksAsClaims(const Json& rows);

}  // namespace nodeproof::reports
