// KTAP version 1 (the kernel's Documentation/dev-tools/ktap.rst), one test a claim:
//
//   holds         ok N id
//   violated      not ok N id # violated: reason      (# XFAIL reason when it is known)
//   inconclusive  not ok N id # inconclusive: reason
//   unsupported   ok N id # SKIP reason
//   error         not ok N id # ERROR reason
//
// The evidence stands in diagnostic lines before the result line it belongs to.
#include <string>

#include "reports/arm_text.h"
#include "reports/facts.h"
#include "reports/printable.h"
#include "reports/reports.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Verdict;

// Parsers look for " # SKIP" anywhere in a result line, so no other '#' may stand in one. The
// backslash is TAP 14's escape.
std::string WithoutHash(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '#') out += '\\';
    out += c;
  }
  return out;
}

std::string Outcome(const Claim& claim) {
  switch (claim.verdict) {
    case Verdict::kHolds:
      return "";
    case Verdict::kViolated:
      return claim.known ? "XFAIL" : "violated:";
    case Verdict::kInconclusive:
      return "inconclusive:";
    case Verdict::kUnsupported:
      return "SKIP";
    case Verdict::kError:
      return "ERROR";
  }
  return "";
}

void Comment(const std::string& line, std::string& out) { out += "# " + line + "\n"; }

}  // namespace

std::string RenderKtap(const results::Results& results) {
  std::string out = "KTAP version 1\n";
  out += fmt::format("1..{}\n", results.claims.size());
  Comment(NodeLine(results.node), out);
  for (const std::string& caveat : Caveats(results)) Comment(caveat, out);
  size_t number = 0;
  for (const Claim& claim : results.claims) {
    // An iteration's "#2" would end the description.
    std::string name = Printable(claim.id);
    if (claim.iteration != 1) name += fmt::format(".iteration-{}", claim.iteration);
    for (const std::string& line : EvidenceLines(claim)) Comment(name + ": " + line, out);
    const bool passed = claim.verdict == Verdict::kHolds || claim.verdict == Verdict::kUnsupported;
    const std::string outcome = Outcome(claim);
    out += fmt::format("{} {} {}", passed ? "ok" : "not ok", ++number, WithoutHash(name));
    if (!outcome.empty()) out += fmt::format(" # {} {}", outcome, WithoutHash(ReasonOf(claim)));
    out += '\n';
  }
  Comment(TotalsText(TotalsOf(results.claims)), out);
  return out;
}

}  // namespace nodeproof::reports
