// Runs claims: checks what they need, runs both arms, judges.
#pragma once

#include "conformance/arm_context.h"
#include "conformance/claim.h"
#include "harness/results/results.h"

namespace nodeproof::conformance {

struct RunOptions {
  bool control = true;  // false leaves the control arms out
  int iteration = 1;
};

// What the node lacks for `claim`: an Error marked `unsupported` that names it.
Status CheckNeeds(const Claim& claim, const Environment& environment);

results::Claim RunClaim(const Claim& claim, const Environment& environment,
                        const RunOptions& options);

}  // namespace nodeproof::conformance
