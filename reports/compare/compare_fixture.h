// Made-up runs for tests of comparisons.
#pragma once

#include <random>

#include "harness/results/results.h"

namespace nodeproof::reports {

inline results::Check Share(double mean, double spread, uint32_t seed, size_t windows = 12) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> noise(-spread, spread);
  results::Check check;
  check.name = "share of B by usage_usec";
  check.expected = {0.7, results::Relation::kWithin, 0.02, "ratio"};
  double sum = 0;
  for (size_t i = 0; i < windows; ++i) {
    check.measured.samples.push_back(mean + noise(random));
    sum += check.measured.samples.back();
  }
  check.measured.estimate = sum / static_cast<double>(windows);
  check.measured.low = check.measured.estimate - spread;
  check.measured.high = check.measured.estimate + spread;
  check.finding = results::Finding::kInside;
  return check;
}

inline results::Check Counted(double value, results::Relation relation, double bound) {
  results::Check check;
  check.name = "counted";
  check.expected = {bound, relation, 0, "count"};
  check.measured = {value, value, value, {value}};
  check.finding = results::Finding::kInside;
  return check;
}

inline results::Claim MadeClaim(const std::string& id, results::Verdict verdict,
                                std::vector<results::Check> checks, int iteration = 1) {
  results::Claim claim;
  claim.id = id;
  claim.statement = claim.source = "made up";
  claim.verdict = verdict;
  claim.reason = verdict == results::Verdict::kHolds ? "" : "it broke";
  claim.iteration = iteration;
  claim.protected_arm.emplace();
  claim.protected_arm->description = "weights 30 and 70";
  claim.protected_arm->checks = std::move(checks);
  return claim;
}

inline results::Results MadeRun(std::vector<results::Claim> claims,
                                const std::string& kernel = "6.12.117") {
  results::Results run;
  run.run.id = "made-up";
  run.run.started = "2026-11-21T19:55:00Z";
  run.run.version = "0.1.0";
  run.run.lane = "realtime";
  run.run.complete = true;
  run.node = {{"kind", "vm"},
              {"kernel", {{"release", kernel}}},
              {"cpu", {{"count", 2}}},
              {"memory", {{"total_bytes", 2000000000}}},
              {"vm", {{"shape", "default"}, {"accelerator", "tcg"}}}};
  run.claims = std::move(claims);
  return run;
}

}  // namespace nodeproof::reports
