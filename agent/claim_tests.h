// Claims as GoogleTest tests: each becomes one through testing::RegisterTest, so that GoogleTest's
// filters, sharding, repetition and listeners work on them.
#pragma once

#include <functional>
#include <vector>

#include "conformance/arm_context.h"
#include "conformance/claim.h"
#include "harness/results/results.h"

namespace nodeproof::agent {

struct ClaimRun {
  std::vector<const conformance::Claim*> claims;  // in the order to run them
  conformance::Environment* environment = nullptr;
  bool control = true;
  int repeat = 1;
  // `index` counts from 1 over all repetitions.
  std::function<void(const conformance::Claim&, int index)> on_start;
  std::function<void(const results::Claim&)> on_finish;
};

// Runs them all; the verdicts go to `on_finish`.
void RunClaimTests(const ClaimRun& run);

}  // namespace nodeproof::agent
