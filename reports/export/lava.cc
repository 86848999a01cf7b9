#include <cmath>

#include "reports/export/export.h"
#include "reports/quantity.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Verdict;

const char* ResultOf(const Claim& claim) {
  switch (claim.verdict) {
    case Verdict::kHolds:
      return "pass";
    case Verdict::kViolated:
      return claim.known ? "skip" : "fail";
    case Verdict::kUnsupported:
      return "skip";
    case Verdict::kInconclusive:
    case Verdict::kError:
      return "unknown";
  }
  return "unknown";
}

// A word that can stand in a signal: its fields are separated by spaces and ended by '>'.
std::string Word(std::string_view text) {
  Claim claim;
  claim.id = text;
  return PlainName(claim);
}

std::string SignalOf(const Claim& claim) {
  std::string line = fmt::format("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID={} RESULT={}",
                                 PlainName(claim), ResultOf(claim));
  if (const results::Check* check = DecidingCheck(claim.protected_arm)) {
    const std::string unit = Word(check->expected.unit);
    if (!unit.empty()) line += " UNITS=" + unit;
    // LAVA keeps measurements as decimals with ten places, of thirty digits: no longer number fits.
    if (WasMeasured(*check) && std::abs(check->measured.estimate) < 1e19) {
      line += fmt::format(" MEASUREMENT={:.6f}", check->measured.estimate);
    }
  }
  return line + ">\n";
}

}  // namespace

std::string RenderLava(const results::Results& results) {
  std::string out;
  for (const auto& [area, claims] : ByArea(results.claims)) {
    out += fmt::format("<LAVA_SIGNAL_TESTSET START {}>\n", Word(area));
    for (const Claim* claim : claims) out += SignalOf(*claim);
    out += "<LAVA_SIGNAL_TESTSET STOP>\n";
  }
  return out;
}

}  // namespace nodeproof::reports
