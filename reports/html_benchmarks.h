// The benchmarks in the HTML report: the interference matrix as a heat map, what the
// NUMA ones found as pictures, then every row.
#pragma once

#include "harness/results/results.h"
#include "reports/html_writer.h"

namespace nodeproof::reports {

// Nothing where the run has none.
void AddBenchmarks(const Json& rows, HtmlWriter& page);

}  // namespace nodeproof::reports
