#include "reports/totals.h"

#include <map>

#include "reports/printable.h"

namespace nodeproof::reports {

using results::Check;
using results::Claim;
using results::Verdict;

void Totals::Add(const Claim& claim) {
  switch (claim.verdict) {
    case Verdict::kHolds:
      ++holds;
      break;
    case Verdict::kViolated:
      ++violated;
      if (claim.known) ++known;
      break;
    case Verdict::kInconclusive:
      ++inconclusive;
      break;
    case Verdict::kUnsupported:
      ++unsupported;
      break;
    case Verdict::kError:
      ++error;
      break;
  }
}

int Totals::Of(Verdict verdict) const {
  switch (verdict) {
    case Verdict::kHolds:
      return holds;
    case Verdict::kViolated:
      return violated;
    case Verdict::kInconclusive:
      return inconclusive;
    case Verdict::kUnsupported:
      return unsupported;
    case Verdict::kError:
      return error;
  }
  return 0;
}

Totals TotalsOf(const std::vector<Claim>& claims) {
  Totals totals;
  for (const Claim& claim : claims) totals.Add(claim);
  return totals;
}

std::string TotalsText(const Totals& totals) {
  std::string text = fmt::format("{} claim{}", totals.Claims(), totals.Claims() == 1 ? "" : "s");
  const char* separator = ": ";
  const auto add = [&](int count, const std::string& what) {
    if (count == 0) return;
    text += fmt::format("{}{} {}", separator, count, what);
    separator = ", ";
  };
  add(totals.holds, totals.holds == 1 ? "holds" : "hold");
  add(totals.violated,
      totals.known == 0 ? "violated" : fmt::format("violated ({} known)", totals.known));
  add(totals.inconclusive, "inconclusive");
  add(totals.unsupported, "unsupported");
  add(totals.error, totals.error == 1 ? "error" : "errors");
  return text;
}

std::string_view AreaOf(std::string_view id) { return id.substr(0, id.find('.')); }

Areas ByArea(const std::vector<Claim>& claims) {
  std::map<std::string, std::vector<const Claim*>> sorted;
  for (const Claim& claim : claims) sorted[std::string(AreaOf(claim.id))].push_back(&claim);
  return {sorted.begin(), sorted.end()};
}

std::string NameOf(const Claim& claim) {
  const std::string id = Printable(claim.id);
  return claim.iteration == 1 ? id : fmt::format("{}#{}", id, claim.iteration);
}

std::string ReasonOf(const Claim& claim) {
  if (!claim.reason.empty()) return Printable(claim.reason);
  return claim.verdict == Verdict::kHolds ? "" : "no reason was recorded";
}

bool IsKnownViolation(const Claim& claim) {
  return claim.verdict == Verdict::kViolated && claim.known.has_value();
}

const Check* DecidingCheck(const std::optional<results::Arm>& arm) {
  return arm && !arm->checks.empty() ? &arm->checks.front() : nullptr;
}

std::vector<std::string> Caveats(const results::Results& results) {
  std::vector<std::string> lines;
  if (!results.run.complete) {
    lines.push_back("The run did not complete: claims that had not finished are missing.");
  }
  if (!results.run.control) {
    lines.push_back(
        "Control arms were skipped (--no-control): a claim may hold without its protection.");
  }
  for (const Claim& claim : results.claims) {
    if (!claim.known || claim.verdict != Verdict::kHolds) continue;
    lines.push_back(NameOf(claim) + " is on the list of known violations, but holds here.");
  }
  for (const std::string& note : results.run.notes) lines.push_back(Printable(note));
  return lines;
}

}  // namespace nodeproof::reports
