// What was recorded while a claim ran: its arms' time series and the evidence of a bad verdict.
#pragma once

#include <vector>

#include "harness/results/results.h"
#include "reports/html_writer.h"

namespace nodeproof::reports {

// A figure for each quantity, with a line for each group; charts.js draws them.
void AddCharts(const std::vector<results::Series>& series, HtmlWriter& page);

void AddEvidence(const std::vector<results::Evidence>& evidence, HtmlWriter& page);

}  // namespace nodeproof::reports
