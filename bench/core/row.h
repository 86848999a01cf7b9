// A benchmark's row of results.json (reports/results.schema.json, "benchmark"), from what Google
// Benchmark and the benchmark itself counted.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bench/core/context.h"
#include "harness/results/results.h"

namespace nodeproof::bench {

// One repetition's time per iteration, in the benchmark's unit.
struct Repetition {
  int64_t iterations = 0;
  double real_time = 0;
  double cpu_time = 0;
};

// A quantity of the row: {"value", "low", "high", "samples", "unit", "better"}.
Json QuantityJson(const results::Measurement& measured, const std::string& unit, Better better);

// name, time (the mean of the repetitions, each of them in "samples"), percentiles of all
// latencies together, figures with the 99 % interval of their mean. `trials` are the calls that
// made the repetitions. Errors: a figure that only some of the trials reported.
Result<Json> MeasuredRow(const Bench& bench, std::span<const Repetition> repetitions,
                         std::span<const Trial* const> trials);

// The row of a benchmark that could not run here ("unsupported") or went wrong ("error").
Json BrokenRow(const std::string& id, const std::string& what, const Error& error);

}  // namespace nodeproof::bench
