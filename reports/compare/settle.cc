#include "reports/compare/settle.h"

#include <algorithm>
#include <map>

namespace nodeproof::reports {
namespace {

constexpr int kRunsForAQuantity = 3;
constexpr int kRunsForAVerdict = 2;

int FewestRepetitions(const ClaimChange& claim) {
  return claim.a && claim.b ? std::min(claim.a->repetitions, claim.b->repetitions) : 0;
}

bool IsConfirmed(const ClaimChange& claim, const Quantity& quantity) {
  return quantity.basis == Basis::kRuns || FewestRepetitions(claim) >= kRunsForAQuantity;
}

bool IsConfirmedVerdict(const ClaimChange& claim) {
  if (claim.verdict != Change::kWorse) return true;
  if (FewestRepetitions(claim) < kRunsForAVerdict) return false;
  return claim.b->Unanimous() || claim.b->repetitions >= kRunsForAQuantity;
}

bool IsUnsettled(const ClaimChange& claim) {
  if (!claim.a || !claim.b) return false;
  if (claim.undecided || !IsConfirmedVerdict(claim)) return true;
  return std::ranges::any_of(claim.quantities, [&](const Quantity& quantity) {
    return quantity.suspect || (quantity.change == Change::kWorse && !IsConfirmed(claim, quantity));
  });
}

}  // namespace

results::Results MergeBoots(const std::vector<results::Results>& boots) {
  results::Results merged = boots.front();
  merged.claims.clear();
  merged.benchmarks = Json::array();
  merged.run.duration_s = 0;
  std::map<std::string, int> repetitions;
  for (const results::Results& boot : boots) {
    merged.run.duration_s += boot.run.duration_s;
    merged.run.complete = merged.run.complete && boot.run.complete;
    for (const results::Claim& claim : boot.claims) {
      merged.claims.push_back(claim);
      merged.claims.back().iteration = ++repetitions[claim.id];
    }
    for (const Json& row : boot.benchmarks) merged.benchmarks.push_back(row);
  }
  merged.run.repeat = static_cast<int>(boots.size());
  return merged;
}

std::vector<std::string> Unsettled(const Comparison& comparison, bool repeats_exactly) {
  std::vector<std::string> ids;
  if (repeats_exactly) return ids;
  for (const ClaimChange& claim : comparison.claims) {
    if (IsUnsettled(claim)) ids.push_back(claim.id);
  }
  return ids;
}

void DoubtUnsettled(Comparison& comparison, bool repeats_exactly) {
  if (repeats_exactly) return;
  for (ClaimChange& claim : comparison.claims) {
    if (!claim.a || !claim.b) continue;
    if (!IsConfirmedVerdict(claim)) {
      claim.verdict = Change::kNoisy;
      claim.undecided = true;
    }
    for (Quantity& quantity : claim.quantities) {
      if (quantity.change != Change::kWorse || IsConfirmed(claim, quantity)) continue;
      quantity.change = Change::kNoisy;
      quantity.suspect = true;
      quantity.note = "not confirmed in the time there was";
    }
  }
}

}  // namespace nodeproof::reports
