// What `compare` and `gate` share: options of a comparison.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "harness/base/result.h"
#include "harness/results/results.h"
#include "reports/compare/compare.h"

namespace nodeproof::cli {

struct ThresholdOptions {
  double percent = 5;
  std::string noise_floor;  // a file of `gate --aa`, or ""
  bool strict = false;
};

// --threshold, --noise-floor and --strict.
void AddThresholdOptions(CLI::App& command, ThresholdOptions& options);

// With the noise floor read, for runs like `run`.
Result<reports::CompareOptions> MakeCompareOptions(const ThresholdOptions& options,
                                                   const results::Results& run);

}  // namespace nodeproof::cli
