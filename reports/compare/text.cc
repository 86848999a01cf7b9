// A comparison for a terminal: the sides, one table, what got worse, the count.
#include <algorithm>
#include <array>

#include "reports/compare/compare_rows.h"
#include "reports/compare/render.h"
#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

constexpr size_t kCells = 8;
using Cells = std::array<std::string, kCells>;

void AddTable(const std::vector<CompareRow>& rows, const Comparison& comparison, std::string& out) {
  std::vector<Cells> table = {{"CHANGE", "CLAIM", "VERDICT", "QUANTITY", comparison.a.name,
                               comparison.b.name, "DIFFERENCE (99 %)", "THRESHOLD"}};
  for (const CompareRow& row : rows) {
    table.push_back({row.label, row.claim, row.verdicts, row.quantity, row.a, row.b, row.effect,
                     row.threshold});
  }
  std::array<size_t, kCells> widths{};
  for (const Cells& cells : table) {
    for (size_t i = 0; i < kCells; ++i) widths[i] = std::max(widths[i], Columns(cells[i]));
  }
  for (const Cells& cells : table) {
    std::string line;
    for (size_t i = 0; i < kCells; ++i) {
      line += cells[i] + std::string(widths[i] - Columns(cells[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
}

}  // namespace

std::string RenderCompareText(const Comparison& comparison) {
  std::string out = SideLine(comparison.a) + "\n" + SideLine(comparison.b) + "\n";
  for (const std::string& line : comparison.differences) out += "forced: " + line + "\n";
  for (const std::string& note : comparison.notes) out += "note: " + note + "\n";
  std::vector<CompareRow> rows = RowsOf(comparison.claims, Subject::kClaims, Lines::kChanged);
  const std::vector<CompareRow> more =
      RowsOf(comparison.benchmarks, Subject::kBenchmarks, Lines::kChanged);
  rows.insert(rows.end(), more.begin(), more.end());
  if (!rows.empty()) {
    out += "\n";
    AddTable(rows, comparison, out);
  }
  const auto regressions = RegressionLines(comparison);
  out += "\n";
  for (const std::string& line : regressions) out += "worse: " + line + "\n";
  out += CountsText(comparison.claims, "claim") + "\n";
  if (!comparison.benchmarks.empty()) out += CountsText(comparison.benchmarks, "benchmark") + "\n";
  out += HeadlineOf(comparison) + "\n";
  return out;
}

}  // namespace nodeproof::reports
