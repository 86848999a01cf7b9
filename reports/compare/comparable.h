// Whether two runs measured the same thing. The kernel may differ, that is what comparing is for;
// the node around it and how it was measured may not.
#pragma once

#include <string>
#include <vector>

#include "harness/results/results.h"

namespace nodeproof::reports {

// What differs between the runs: nodeproof's version, lane, seed, arms, kind of node, VM shape,
// emulator, CPUs, memory and its nodes, page size, swap, names of cgroups; a run that is
// incomplete. Empty when nothing does. Printable lines such as "lane: A has realtime, B has
// deterministic".
std::vector<std::string> RunDifferences(const results::Results& a, const results::Results& b);

// Claims that both have, but in other VM shapes or with other loads. Printable lines that name the
// claim.
std::vector<std::string> ClaimDifferences(const results::Results& a, const results::Results& b);

}  // namespace nodeproof::reports
