// The other documents that are read: profiles, lists of known violations, noise floors. Any text
// parses or gives one line of error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "reports/compare/noise_floor.h"
#include "reports/judge/judge.h"
#include "reports/known/known.h"

namespace {

template <typename T>
void CheckError(const nodeproof::Result<T>& parsed) {
  if (parsed) return;
  const std::string line = parsed.error().ToString();
  if (line.empty() || line.find_first_of("\n\x1b") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace nodeproof;
  using namespace nodeproof::reports;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto profile = ParseProfile(text, "fuzz.json");
  const auto known = ParseKnown(text, "fuzz.json");
  CheckError(profile);
  CheckError(known);
  CheckError(ParseNoiseFloor(text, "fuzz.json", "realtime", "default"));
  results::Results results;
  results::Claim& claim = results.claims.emplace_back();
  claim.id = "cpu.weight.pods";
  claim.verdict = results::Verdict::kViolated;
  claim.reason = "made up";
  claim.protected_arm.emplace();
  claim.protected_arm->checks = {
      {"share", {0.7, results::Relation::kWithin, 0.02, "ratio"}, {0.7, 0.6, 0.8, {0.6, 0.8}}, {}}};
  if (profile) Judge(results, *profile, false);
  if (known) MarkKnown(*known, results);
  return 0;
}
