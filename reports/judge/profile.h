// An acceptance profile: what a user demands of a node beyond the claims' own verdicts, as data.
// Each rule picks claims or benchmarks by pattern and bounds their verdicts, or a statistic of
// their stored samples. profile.schema.json is its form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/results/results.h"

namespace nodeproof::reports {

inline constexpr std::string_view kProfileSchema = "nodeproof.profile/1";

// Of the pooled samples. The mean has a t interval, percentiles the distribution-free one of order
// statistics, both at 99 %; least and greatest are what was seen, not estimates.
struct Statistic {
  enum class Kind { kMean, kPercentile, kLeast, kGreatest } kind = Kind::kMean;
  double percent = 0;  // of kPercentile, in (0, 100)
};
// "mean", "min", "max", or "p50", "p99.9", …
Result<Statistic> ParseStatistic(std::string_view text);
std::string ToString(const Statistic& statistic);

struct Rule {
  std::string name;
  std::string why;
  std::string claims;      // pattern of claim ids, or "" for a rule on benchmarks
  std::string benchmarks;  // pattern of benchmark names, or ""
  bool required = false;   // something must match

  // Either the verdicts that are accepted, …
  std::vector<results::Verdict> verdicts;
  // … or bounds of quantities that match a pattern.
  std::string quantity = "*";
  Statistic statistic;
  std::string unit;  // that the quantity must have
  std::optional<double> at_least;
  std::optional<double> at_most;
  // … or the claim's own band with its tolerance times this.
  std::optional<double> of_tolerance;
};

struct Profile {
  std::string name;
  std::string description;
  std::vector<Rule> rules;
};

Result<Profile> ParseProfile(std::string_view text, const std::string& name);

// A profile that nodeproof ships with ("general", "low-latency"), or nothing.
std::optional<Profile> ShippedProfile(std::string_view name);
std::vector<std::string> ShippedProfileNames();

}  // namespace nodeproof::reports
