#include "conformance/verdict.h"

#include <algorithm>

namespace nodeproof::conformance {
namespace {

using results::Arm;
using results::Check;
using results::Finding;
using results::Relation;
using results::Verdict;

std::string Band(const results::Expectation& expected) {
  switch (expected.relation) {
    case Relation::kWithin:
      return fmt::format("{:.4g} ± {:.3g} {}", expected.value, expected.tolerance, expected.unit);
    case Relation::kAtMost:
      return fmt::format("at most {:.4g} {}", expected.value + expected.tolerance, expected.unit);
    case Relation::kAtLeast:
      return fmt::format("at least {:.4g} {}", expected.value - expected.tolerance, expected.unit);
  }
  return "";
}

std::string Describe(const Check& check) {
  const auto& measured = check.measured;
  if (measured.samples.empty()) {
    return fmt::format("{}: no usable window (expected {})", check.name, Band(check.expected));
  }
  const std::string value =
      measured.low == measured.high
          ? fmt::format("{:.4g}", measured.estimate)
          : fmt::format("{:.4g} ({:.4g} … {:.4g})", measured.estimate, measured.low, measured.high);
  return fmt::format("{} is {}, expected {}", check.name, value, Band(check.expected));
}

const Check* FirstWith(const Arm& arm, Finding finding) {
  const auto at = std::find_if(arm.checks.begin(), arm.checks.end(),
                               [finding](const Check& check) { return check.finding == finding; });
  return at == arm.checks.end() ? nullptr : &*at;
}

// Why the arm cannot be judged, or nullopt.
std::optional<Judgement> Unusable(const ArmOutcome& arm, std::string_view role) {
  if (!arm) {
    const Verdict verdict = arm.error().unsupported ? Verdict::kUnsupported : Verdict::kError;
    return Judgement{verdict, fmt::format("{} arm: {}", role, arm.error().ToString())};
  }
  if (arm->checks.empty()) return Judgement{Verdict::kError, fmt::format("{} arm: no check", role)};
  for (const results::LoadProof& load : arm->load) {
    if (load.done >= load.required) continue;
    return Judgement{Verdict::kError,
                     fmt::format("{} arm: {} did not reach its load: {:.6g} of {:.6g} {}", role,
                                 load.name, load.done, load.required, load.unit)};
  }
  return std::nullopt;
}

}  // namespace

Judgement Decide(const ArmOutcome& protected_arm, const std::optional<ArmOutcome>& control) {
  if (auto unusable = Unusable(protected_arm, "protected")) return *unusable;
  if (const Check* outside = FirstWith(*protected_arm, Finding::kOutside)) {
    return {Verdict::kViolated, Describe(*outside)};
  }
  if (const Check* unclear = FirstWith(*protected_arm, Finding::kUnclear)) {
    return {Verdict::kInconclusive, "too noisy: " + Describe(*unclear)};
  }
  if (!control) return {Verdict::kHolds, ""};
  if (auto unusable = Unusable(*control, "control")) return *unusable;
  const Check& deciding = (*control)->checks.front();
  if (deciding.finding == Finding::kOutside) return {Verdict::kHolds, ""};
  return {Verdict::kInconclusive,
          fmt::format("{} without its protection: {}",
                      deciding.finding == Finding::kInside ? "it holds also" : "it may hold also",
                      Describe(deciding))};
}

}  // namespace nodeproof::conformance
