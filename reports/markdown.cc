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
    measured = MarkdownEscaped(MeasuredText(check->measured, scale));
    expected = MarkdownEscaped(ExpectedText(check->expected, scale));
  }
  const std::string beside =
      control ? MarkdownEscaped(MeasuredText(control->measured, ScaleOf(*control, check)))
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

// Adds the parts that `text_of` makes of the claims until the budget is spent.
template <typename TextOf>
void AddWithinBudget(const std::vector<const Claim*>& claims, TextOf text_of, std::string& out) {
  for (size_t i = 0; i < claims.size(); ++i) {
    const std::string text = text_of(*claims[i]);
    if (out.size() + text.size() > kMarkdownBudget) {
      out += fmt::format("\n{} more are in report.html.\n", claims.size() - i);
      return;
    }
    out += text;
  }
}

void AddClaims(const std::vector<Claim>& claims, std::string& out) {
  std::vector<const Claim*> all;
  std::vector<const Claim*> attention;
  for (const Claim& claim : claims) {
    all.push_back(&claim);
    if (NeedsAttention(claim)) attention.push_back(&claim);
  }
  if (!attention.empty()) {
    out += "\n#### Needs attention\n";
    AddWithinBudget(attention, Attention, out);
  }
  if (all.empty()) return;
  out += "\n<details><summary>All claims</summary>\n\n";
  out += "| verdict | claim | measured | expected | control |\n|---|---|---|---|---|\n";
  AddWithinBudget(all, Row, out);
  out += "\n</details>\n";
}

}  // namespace

std::string RenderMarkdown(const results::Results& results) {
  std::string out =
      "### nodeproof: " + MarkdownEscaped(TotalsText(TotalsOf(results.claims))) + "\n\n";
  out += fmt::format("{}; {} lane, seed {}, {}.\n", MarkdownEscaped(NodeLine(results.node)),
                     MarkdownText(results.run.lane), results.run.seed,
                     FormatDuration(Seconds(results.run.duration_s)));
  for (const std::string& caveat : Caveats(results)) out += "\n> " + MarkdownEscaped(caveat) + "\n";
  AddClaims(results.claims, out);
  return out;
}

}  // namespace nodeproof::reports
