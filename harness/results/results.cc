#include "harness/results/results.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nodeproof::results {
namespace {

template <typename Enum, size_t kCount>
using Names = std::array<std::pair<Enum, std::string_view>, kCount>;

constexpr Names<Verdict, 5> kVerdicts{{{Verdict::kHolds, "holds"},
                                       {Verdict::kViolated, "violated"},
                                       {Verdict::kInconclusive, "inconclusive"},
                                       {Verdict::kUnsupported, "unsupported"},
                                       {Verdict::kError, "error"}}};

constexpr Names<Relation, 3> kRelations{{{Relation::kWithin, "within"},
                                         {Relation::kAtMost, "at_most"},
                                         {Relation::kAtLeast, "at_least"}}};

constexpr Names<Finding, 3> kFindings{
    {{Finding::kInside, "inside"}, {Finding::kOutside, "outside"}, {Finding::kUnclear, "unclear"}}};

template <typename Enum, size_t kCount>
std::string_view NameOf(Enum value, const Names<Enum, kCount>& names) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return "unknown";
}

template <typename Enum, size_t kCount>
Result<Enum> ValueOf(std::string_view text, const Names<Enum, kCount>& names) {
  std::string allowed;
  for (const auto& [value, name] : names) {
    if (name == text) return value;
    allowed += allowed.empty() ? "" : ", ";
    allowed += name;
  }
  return Fail("{} is none of {}", Quoted(text), allowed);
}

}  // namespace

std::string_view ToString(Verdict verdict) { return NameOf(verdict, kVerdicts); }
std::string_view ToString(Relation relation) { return NameOf(relation, kRelations); }
std::string_view ToString(Finding finding) { return NameOf(finding, kFindings); }

Result<Verdict> ParseVerdict(std::string_view text) { return ValueOf(text, kVerdicts); }
Result<Relation> ParseRelation(std::string_view text) { return ValueOf(text, kRelations); }
Result<Finding> ParseFinding(std::string_view text) { return ValueOf(text, kFindings); }

int ExitStatus(const Results& results, bool strict) {
  const auto any = [&](auto matches) { return std::ranges::any_of(results.claims, matches); };
  const bool violated = any([&](const Claim& claim) {
    return claim.verdict == Verdict::kViolated && (strict || !claim.known);
  });
  if (violated) return 1;
  const bool open = any([](const Claim& claim) {
    return claim.verdict == Verdict::kInconclusive || claim.verdict == Verdict::kError;
  });
  return open ? 3 : 0;
}

}  // namespace nodeproof::results
