#include "cli/undecided.h"

#include <fmt/format.h>

#include <algorithm>

namespace nodeproof::cli {
namespace {

using results::Claim;
using results::Verdict;

bool IsEmulated(const Json& node) {
  const auto vm = node.find("vm");
  return vm != node.end() && vm->is_object() && vm->value("accelerator", "") == "tcg";
}

bool RunsDeterministically(const CatalogEntry& claim) {
  const auto lanes = claim.json.find("lanes");
  return lanes != claim.json.end() &&
         std::ranges::find(*lanes, Json("deterministic")) != lanes->end();
}

}  // namespace

std::vector<const CatalogEntry*> Undecided(const results::Results& results,
                                           const std::vector<const CatalogEntry*>& claims) {
  std::vector<const CatalogEntry*> undecided;
  if (results.run.lane != "realtime" || !IsEmulated(results.node)) return undecided;
  for (const CatalogEntry* claim : claims) {
    const auto is_open = [&](const Claim& result) {
      return result.id == claim->id && result.verdict == Verdict::kInconclusive;
    };
    if (RunsDeterministically(*claim) && std::ranges::any_of(results.claims, is_open)) {
      undecided.push_back(claim);
    }
  }
  return undecided;
}

void TakeDecided(const results::Results& decided, results::Results& results) {
  for (const Claim& claim : decided.claims) {
    if (claim.verdict != Verdict::kHolds && claim.verdict != Verdict::kViolated) continue;
    for (Claim& open : results.claims) {
      if (open.id != claim.id || open.verdict != Verdict::kInconclusive) continue;
      Claim taken = claim;
      taken.iteration = open.iteration;
      taken.shape = open.shape;
      taken.duration_s += open.duration_s;
      if (taken.protected_arm) {
        taken.protected_arm->notes.push_back(
            fmt::format("decided in the deterministic lane on the shape {}; in the realtime lane "
                        "inconclusive, {}",
                        claim.shape, open.reason));
      }
      open = std::move(taken);
    }
  }
}

}  // namespace nodeproof::cli
