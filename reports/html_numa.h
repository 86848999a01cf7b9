// What the NUMA benchmarks found, drawn: a matrix with a cell for each pair of nodes, and latency
// over bandwidth.
#pragma once

#include <cstddef>
#include <vector>

#include "harness/results/results.h"
#include "reports/html_writer.h"

namespace nodeproof::reports {

// Whether a table of so many rows and columns is worth drawing for so many cells: what is mostly
// holes is no matrix, and a file of names that never meet would make a page of their square.
bool IsMatrix(size_t rows, size_t columns, size_t cells);

// Of the rows numa.latency.matrix, numa.bandwidth.matrix and numa.loaded-latency.curve, the first
// of each; nothing where they are not among `rows` or were not measured.
void AddNumaPictures(const std::vector<results::Claim>& rows, HtmlWriter& page);

}  // namespace nodeproof::reports
