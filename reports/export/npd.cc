#include "reports/export/export.h"
#include "reports/printable.h"
#include "reports/quantity.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Verdict;

// Whether a verdict is a problem; a known violation is none, by the rule of the exit status.
int ExitStatusOf(const Claim& claim) {
  switch (claim.verdict) {
    case Verdict::kHolds:
      return 0;
    case Verdict::kViolated:
      return claim.known ? 0 : 1;
    case Verdict::kInconclusive:
    case Verdict::kUnsupported:
    case Verdict::kError:
      return 2;
  }
  return 2;
}

// The detector cuts lines by bytes; what is not ASCII could be cut in the middle.
std::string Cut(std::string_view text) {
  std::string line;
  const std::string printable = Printable(text);
  for (const char c : printable) {
    if (static_cast<unsigned char>(c) < 0x80) {
      line += c;
    } else if ((static_cast<unsigned char>(c) & 0xC0) == 0xC0) {
      line += '~';  // one for each character
    }
  }
  if (line.size() > kNpdLine) line = line.substr(0, kNpdLine - 3) + "...";
  return line;
}

std::string Sentence(const Claim& claim) {
  const std::string known = IsKnownViolation(claim) ? " (known)" : "";
  std::string text = fmt::format("{} {}{}", claim.id, ToString(claim.verdict), known);
  if (!claim.reason.empty()) return text + ": " + claim.reason;
  if (const results::Check* check = DecidingCheck(claim.protected_arm);
      check != nullptr && WasMeasured(*check)) {
    const Scale scale = ScaleOf(*check);
    const std::string unit = scale.unit.empty() ? "" : " " + scale.unit;
    text += fmt::format(": {} {}{}", check->name, Figure(check->measured.estimate, scale), unit);
  }
  return text;
}

}  // namespace

NpdAnswer NpdAnswerFor(const results::Results& results, std::string_view claim) {
  const Claim* worst = nullptr;
  // Broken before unknown before fine.
  const auto weight = [](const Claim& each) {
    constexpr int kWeights[] = {0, 2, 1};
    return kWeights[ExitStatusOf(each)];
  };
  for (const Claim& each : results.claims) {
    if (each.id != claim) continue;
    if (worst == nullptr || weight(each) > weight(*worst)) worst = &each;
  }
  if (worst == nullptr) {
    return {Cut(fmt::format("{}: not in the results", claim)), 2};
  }
  return {Cut(Sentence(*worst)), ExitStatusOf(*worst)};
}

}  // namespace nodeproof::reports
