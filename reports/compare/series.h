// The quantities of a claim over its repetitions: what comparisons and judgements pool.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/results/results.h"

namespace nodeproof::reports {

// A check's name, numbered where an arm has it twice ("the same, at most" of two groups).
using QuantityKey = std::pair<std::string, int>;

// Every measurement of one quantity. Points into the claims it was made of.
struct QuantitySeries {
  QuantityKey key;
  const results::Claim* claim = nullptr;                 // of its first occurrence
  const results::Check* check = nullptr;                 // its first occurrence
  std::vector<const results::Measurement*> repetitions;  // may be none
  // Why a repetition has no measurement, as conformance/verdict.cc has it: no window was usable, or
  // the arm's load was not reached, so that its numbers mean nothing. "" when every one has.
  std::string missing;
};

// The quantities of the protected arms of `repetitions` of one claim, as they come.
std::vector<QuantitySeries> SeriesOf(const std::vector<const results::Claim*>& repetitions);

}  // namespace nodeproof::reports
