// From what two arms found to one verdict: section 2 of docs/design.md as a pure function.
#pragma once

#include <optional>
#include <string>

#include "harness/results/results.h"

namespace nodeproof::conformance {

// What became of an arm: it measured, or it ended in an Error (marked `unsupported` when the
// node lacks something).
using ArmOutcome = Result<results::Arm>;

struct Judgement {
  results::Verdict verdict = results::Verdict::kError;
  std::string reason;  // empty only for kHolds
};

// `control` is absent when the claim has no control arm or the run leaves them out.
//
//   protected arm            control arm's deciding check    verdict
//   error / load too small   any                             error (or unsupported)
//   a check outside          any                             violated
//   a check unclear          any                             inconclusive
//   all inside               outside                         holds
//   all inside               inside or unclear               inconclusive
//   all inside               error / load too small          error
//   all inside               absent                          holds
Judgement Decide(const ArmOutcome& protected_arm, const std::optional<ArmOutcome>& control);

}  // namespace nodeproof::conformance
