// A claim's evidence as plain lines, for the formats that carry text beside a verdict.
#pragma once

#include <string>
#include <vector>

#include "harness/results/results.h"

namespace nodeproof::reports {

// Statement, source, each arm's checks, load and notes, one printable line each.
std::vector<std::string> EvidenceLines(const results::Claim& claim);

}  // namespace nodeproof::reports
