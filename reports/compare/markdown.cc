// A comparison for a pull request: headline, what got worse, and the table, folded.
#include "reports/compare/compare_rows.h"
#include "reports/compare/render.h"
#include "reports/markdown_text.h"

namespace nodeproof::reports {
namespace {

const char* Mark(Change change) {
  switch (change) {
    case Change::kWorse:
      return "❌ ";
    case Change::kBetter:
      return "✅ ";
    case Change::kNoisy:
    case Change::kIncomparable:
      return "❔ ";
    case Change::kSame:
      return "";
  }
  return "";
}

std::string Line(const CompareRow& row) {
  std::string line = "|";
  const auto cell = [&](std::string_view text) { line += " " + MarkdownEscaped(text) + " |"; };
  line += std::string(" ") + Mark(row.change) + MarkdownEscaped(row.label) + " |";
  for (const std::string* text :
       {&row.claim, &row.verdicts, &row.quantity, &row.a, &row.b, &row.effect, &row.threshold}) {
    cell(*text);
  }
  return line + "\n";
}

constexpr const char* kElsewhere = "the other formats";

void AddTable(const char* title, const std::vector<CompareRow>& rows, const Comparison& comparison,
              std::string& out) {
  if (rows.empty()) return;
  out += fmt::format("\n<details><summary>{}</summary>\n\n", title);
  out += fmt::format("| change | claim | verdict | quantity | {} | {} | change | threshold |\n",
                     MarkdownEscaped(comparison.a.name), MarkdownEscaped(comparison.b.name));
  out += "|---|---|---|---|---|---|---|---|\n";
  std::vector<std::string> lines;
  for (const CompareRow& row : rows) lines.push_back(Line(row));
  AppendWithinBudget(lines, kElsewhere, out);
  out += "\n</details>\n";
}

}  // namespace

std::string RenderCompareMarkdown(const Comparison& comparison) {
  std::string out = "### nodeproof: " + MarkdownEscaped(HeadlineOf(comparison)) + "\n\n";
  for (const SideFacts* side : {&comparison.a, &comparison.b}) {
    out += "- " + MarkdownEscaped(SideLine(*side)) + "\n";
  }
  out += "\n" + MarkdownEscaped(CountsText(comparison.claims, "claim")) + ".\n";
  if (!comparison.benchmarks.empty()) {
    out += "\n" + MarkdownEscaped(CountsText(comparison.benchmarks, "benchmark")) + ".\n";
  }
  std::vector<std::string> caveats;
  for (const std::string& line : comparison.differences) {
    caveats.push_back("\n> compared by force: " + MarkdownEscaped(line) + "\n");
  }
  for (const std::string& note : comparison.notes) {
    caveats.push_back("\n> " + MarkdownEscaped(note) + "\n");
  }
  AppendWithinBudget(caveats, kElsewhere, out, kMarkdownBudget / 4);
  std::vector<std::string> worse;
  for (const std::string& line : RegressionLines(comparison)) {
    worse.push_back("- " + MarkdownEscaped(line) + "\n");
  }
  if (!worse.empty()) out += "\n#### Worse\n\n";
  AppendWithinBudget(worse, kElsewhere, out);
  AddTable("Claims", RowsOf(comparison.claims, Subject::kClaims, Lines::kChanged), comparison, out);
  AddTable("Benchmarks", RowsOf(comparison.benchmarks, Subject::kBenchmarks, Lines::kChanged),
           comparison, out);
  return out;
}

}  // namespace nodeproof::reports
