// A summary for a pull request or an issue: GitHub Flavoured Markdown, verdict table first, the
// claims that need attention spelled out, the rest folded away.
#include <string>
#include <vector>

#include "harness/base/units.h"
#include "reports/arm_text.h"
#include "reports/facts.h"
#include "reports/markdown_text.h"
#include "reports/printable.h"
#include "reports/quantity.h"
#include "reports/reports.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;
using results::Verdict;

const char* Mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "✅ holds";
    case Verdict::kViolated:
      return "❌ violated";
    case Verdict::kInconclusive:
      return "❔ inconclusive";
    case Verdict::kUnsupported:
      return "➖ unsupported";
    case Verdict::kError:
      return "⚠️ error";
  }
  return "";
}

std::string Row(const Claim& claim) {
  const Check* check = DecidingCheck(claim.protected_arm);
  const Check* control = DecidingCheck(claim.control_arm);
  std::string measured;
  std::string expected;
  if (check != nullptr) {
    const Scale scale = ScaleOf(*check, control);
    measured = MarkdownEscaped(MeasuredText(*check, scale));
    expected = MarkdownEscaped(ExpectedText(check->expected, scale));
  }
  const std::string beside = control
                                 ? MarkdownEscaped(MeasuredText(*control, ScaleOf(*control, check)))
                             : claim.no_control_reason.empty() ? ""
                                                               : "none";
  return fmt::format("| {}{} | {} | {} | {} | {} |\n", Mark(claim.verdict),
                     IsKnownViolation(claim) ? " (known)" : "", MarkdownEscaped(NameOf(claim)),
                     measured, expected, beside);
}

std::string Attention(const Claim& claim) {
  std::string out = fmt::format("\n**{}** {}: {}\n\n", MarkdownEscaped(NameOf(claim)),
                                Mark(claim.verdict), MarkdownEscaped(ReasonOf(claim)));
  for (const std::string& line : EvidenceLines(claim)) {
    const size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos) continue;
    out += std::string(indent, ' ') + "- " + MarkdownEscaped(line.substr(indent)) + "\n";
  }
  return out;
}

bool NeedsAttention(const Claim& claim) {
  return claim.verdict != Verdict::kHolds && claim.verdict != Verdict::kUnsupported;
}

void AddClaims(const std::vector<Claim>& claims, std::string& out) {
  std::vector<std::string> rows;
  std::vector<std::string> attention;
  for (const Claim& claim : claims) {
    rows.push_back(Row(claim));
    if (NeedsAttention(claim)) attention.push_back(Attention(claim));
  }
  if (!attention.empty()) {
    out += "\n#### Needs attention\n";
    AppendWithinBudget(attention, "report.html", out);
  }
  if (rows.empty()) return;
  out += "\n<details><summary>All claims</summary>\n\n";
  out += "| verdict | claim | measured | expected | control |\n|---|---|---|---|---|\n";
  AppendWithinBudget(rows, "report.html", out);
  out += "\n</details>\n";
}

}  // namespace

std::string RenderMarkdown(const results::Results& results) {
  std::string out =
      "### nodeproof: " + MarkdownEscaped(TotalsText(TotalsOf(results.claims))) + "\n\n";
  out += fmt::format("{}; {} lane, seed {}, {}.\n", MarkdownEscaped(NodeLine(results.node)),
                     MarkdownText(results.run.lane), results.run.seed,
                     FormatDuration(Seconds(results.run.duration_s)));
  std::vector<std::string> caveats;
  for (const std::string& caveat : Caveats(results)) {
    caveats.push_back("\n> " + MarkdownEscaped(caveat) + "\n");
  }
  AppendWithinBudget(caveats, "report.html", out, kMarkdownBudget / 4);
  AddClaims(results.claims, out);
  return out;
}

}  // namespace nodeproof::reports
