// One claim in the HTML report: a row that opens to both arms' evidence.
#pragma once

#include <string>

#include "harness/results/results.h"
#include "reports/html_writer.h"

namespace nodeproof::reports {

// The id of the element that a link to the claim names.
std::string AnchorOf(const results::Claim& claim);

void AddVerdictChip(const results::Claim& claim, HtmlWriter& page);

void AddClaim(const results::Claim& claim, HtmlWriter& page);

}  // namespace nodeproof::reports
