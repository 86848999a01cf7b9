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

bool AddWithinBudget(const std::string& text, size_t left, std::string& out) {
  if (out.size() + text.size() > kMarkdownBudget) {
    out += fmt::format("\n{} more are in the other formats.\n", left);
    return false;
  }
  out += text;
  return true;
}

void AddTable(const char* title, const std::vector<CompareRow>& rows, const Comparison& comparison,
              std::string& out) {
  if (rows.empty()) return;
  out += fmt::format("\n<details><summary>{}</summary>\n\n", title);
  out += fmt::format("| change | claim | verdict | quantity | {} | {} | change | threshold |\n",
                     MarkdownEscaped(comparison.a.name), MarkdownEscaped(comparison.b.name));
  out += "|---|---|---|---|---|---|---|---|\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!AddWithinBudget(Line(rows[i]), rows.size() - i, out)) break;
  }
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
  for (const std::string& line : comparison.differences) {
    out += "\n> compared by force: " + MarkdownEscaped(line) + "\n";
  }
  for (const std::string& note : comparison.notes) out += "\n> " + MarkdownEscaped(note) + "\n";
  const auto worse = RegressionLines(comparison);
  if (!worse.empty()) out += "\n#### Worse\n\n";
  for (size_t i = 0; i < worse.size(); ++i) {
    if (!AddWithinBudget("- " + MarkdownEscaped(worse[i]) + "\n", worse.size() - i, out)) break;
  }
  AddTable("Claims", RowsOf(comparison.claims, Subject::kClaims, Lines::kChanged), comparison, out);
  AddTable("Benchmarks", RowsOf(comparison.benchmarks, Subject::kBenchmarks, Lines::kChanged),
           comparison, out);
  return out;
}

}  // namespace nodeproof::reports
