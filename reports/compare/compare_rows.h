// A comparison as the lines of a table, the same in every format: figures and words are made once,
// here. All text is printable, none is escaped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/compare/compare.h"

namespace nodeproof::reports {

struct CompareRow {
  Change change = Change::kSame;
  std::string label;     // "worse", "noisy (suspect)", "only in A"
  std::string claim;     // empty on a claim's further lines
  std::string verdicts;  // "holds → violated", "holds"; empty on further lines
  std::string quantity;  // "share of B by usage_usec"
  std::string a;         // "0.700 [0.694, 0.706]"
  std::string b;
  std::string effect;     // "−5.1 %, 0.036 [0.031, 0.041] off"
  std::string threshold;  // "0.010"
  const Quantity* figures = nullptr;
};

enum class Subject { kClaims, kBenchmarks };  // benchmarks have no verdicts
enum class Lines { kChanged, kAll };

// One line a claim, for its deciding quantity or the one that changed most, and one more for each
// other quantity that changed (with kAll: for every other).
std::vector<CompareRow> RowsOf(const std::vector<ClaimChange>& claims, Subject subject,
                               Lines lines);

// "9 claims: 1 worse, 7 same, 1 noisy".
std::string CountsText(const std::vector<ClaimChange>& claims, std::string_view what);

// One sentence: what the comparison comes to.
std::string HeadlineOf(const Comparison& comparison);

// "cpu.max.ceiling: holds → violated, usage is 0.53; CPUs used +6.8 %, …", a line for each claim
// that is worse.
std::vector<std::string> RegressionLines(const Comparison& comparison);

// "A: Linux 6.1 …, realtime lane, nodeproof 0.1.0 (a/results.json)".
std::string SideLine(const SideFacts& side);

}  // namespace nodeproof::reports
