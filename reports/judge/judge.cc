#include "reports/judge/judge.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "harness/base/glob.h"
#include "reports/compare/benchmark_rows.h"
#include "reports/compare/pooled.h"
#include "reports/compare/series.h"
#include "reports/facts.h"
#include "reports/printable.h"
#include "reports/quantity.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;
using results::Expectation;
using results::Measurement;
using results::Relation;
using results::Verdict;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What the rule is about, a claim's repetitions together.
std::vector<QuantitySeries> SeriesFor(const std::vector<Claim>& claims, const Rule& rule) {
  const std::string& pattern = rule.claims.empty() ? rule.benchmarks : rule.claims;
  std::vector<std::vector<const Claim*>> by_id;
  std::map<std::string_view, size_t> index;
  for (const Claim& claim : claims) {
    if (!GlobMatch(pattern, claim.id)) continue;
    const auto [at, fresh] = index.emplace(claim.id, by_id.size());
    if (fresh) by_id.emplace_back();
    by_id[at->second].push_back(&claim);
  }
  std::vector<QuantitySeries> all;
  for (const auto& repetitions : by_id) {
    for (QuantitySeries& series : SeriesOf(repetitions)) {
      if (GlobMatch(rule.quantity, series.key.first)) all.push_back(std::move(series));
    }
  }
  return all;
}

std::vector<double> AllSamples(const QuantitySeries& series) {
  std::vector<double> samples;
  for (const Measurement* each : series.repetitions) {
    samples.insert(samples.end(), each->samples.begin(), each->samples.end());
    if (each->samples.empty()) samples.push_back(each->estimate);
  }
  return samples;
}

Measurement StatisticOf(const QuantitySeries& series, const Statistic& statistic) {
  if (statistic.kind == Statistic::Kind::kMean) {
    const Interval mean = IntervalOf(Pool(series.repetitions, EnoughRuns(series.repetitions)));
    return {mean.estimate, mean.low, mean.high, {}};
  }
  const std::vector<double> samples = AllSamples(series);
  if (statistic.kind == Statistic::Kind::kPercentile) {
    return QuantileInterval(samples, statistic.percent);
  }
  const auto [least, greatest] = std::ranges::minmax(samples);
  const double seen = statistic.kind == Statistic::Kind::kLeast ? least : greatest;
  return {seen, seen, seen, {}};
}

// The band that a rule demands: between the ends, an open one infinite.
struct Band {
  double low = -kInfinity;
  double high = kInfinity;
};

Band BandOf(const Rule& rule, const Expectation& expected) {
  if (!rule.of_tolerance)
    return {rule.at_least.value_or(-kInfinity), rule.at_most.value_or(kInfinity)};
  const double tolerance = expected.tolerance * *rule.of_tolerance;
  return {expected.relation == Relation::kAtMost ? -kInfinity : expected.value - tolerance,
          expected.relation == Relation::kAtLeast ? kInfinity : expected.value + tolerance};
}

Outcome OutcomeOf(const Measurement& measured, const Band& band) {
  // The rounding of the bounds themselves decides nothing.
  const double slack = 1e-12 * std::max(1.0, std::abs(measured.estimate));
  if (measured.low >= band.low - slack && measured.high <= band.high + slack) {
    return Outcome::kPass;
  }
  if (measured.high < band.low - slack || measured.low > band.high + slack) return Outcome::kFail;
  return Outcome::kUnclear;
}

std::string BandText(const Band& band, const Scale& scale) {
  const std::string unit = scale.unit.empty() ? "" : " " + scale.unit;
  if (band.low == -kInfinity) return "≤ " + Figure(band.high, scale) + unit;
  if (band.high == kInfinity) return "≥ " + Figure(band.low, scale) + unit;
  return fmt::format("{} … {}{}", Figure(band.low, scale), Figure(band.high, scale), unit);
}

// A scale that shows the statistic and the bound alike.
Scale ScaleFor(const Measurement& measured, const Band& band, const std::string& unit) {
  Check check;
  check.measured = measured;
  if (!std::isfinite(check.measured.low)) check.measured.low = measured.estimate;
  if (!std::isfinite(check.measured.high)) check.measured.high = measured.estimate;
  check.expected.unit = unit;
  check.expected.value = std::isfinite(band.high) ? band.high : band.low;
  check.expected.tolerance = std::abs(check.expected.value) / 100;
  return ScaleOf(check);
}

std::string FoundText(const Measurement& measured, const Scale& scale) {
  std::string text = Figure(measured.estimate, scale);
  const std::string unit = scale.unit.empty() ? "" : " " + scale.unit;
  if (measured.low == measured.high) return text + unit;
  const auto end = [&](double value) {
    return std::isfinite(value) ? Figure(value, scale) : std::string(value < 0 ? "−∞" : "∞");
  };
  return fmt::format("{} [{}, {}]{}", text, end(measured.low), end(measured.high), unit);
}

Judged LineFor(const Rule& rule, std::string subject) {
  Judged line;
  line.rule = Printable(rule.name);
  line.why = Printable(rule.why);
  line.subject = std::move(subject);
  return line;
}

void JudgeVerdicts(const results::Results& results, const Rule& rule, bool strict,
                   std::vector<Judged>& lines) {
  std::string demanded;
  for (const Verdict verdict : rule.verdicts) {
    demanded += (demanded.empty() ? "" : " or ") + std::string(ToString(verdict));
  }
  for (const Claim& claim : results.claims) {
    if (!GlobMatch(rule.claims, claim.id)) continue;
    Judged line = LineFor(rule, NameOf(claim));
    line.quantity = "verdict";
    line.found = ToString(claim.verdict);
    line.demanded = demanded;
    if (IsKnownViolation(claim)) line.found += " (known)";
    if (std::ranges::find(rule.verdicts, claim.verdict) != rule.verdicts.end() ||
        (IsKnownViolation(claim) && !strict)) {
      line.outcome = Outcome::kPass;
    } else if (claim.verdict == Verdict::kViolated || claim.verdict == Verdict::kHolds) {
      line.outcome = Outcome::kFail;
    } else {
      line.outcome = Outcome::kUnclear;
    }
    if (line.outcome != Outcome::kPass) line.note = ReasonOf(claim);
    lines.push_back(std::move(line));
  }
}

// Holds what was measured against the rule's band.
void JudgeSeries(const QuantitySeries& series, const Rule& rule, Judged& line) {
  const Expectation& expected = series.check->expected;
  const std::string& unit = rule.of_tolerance ? expected.unit : rule.unit;
  const Measurement measured = StatisticOf(series, rule.statistic);
  const Band band = BandOf(rule, expected);
  const Scale scale = ScaleFor(measured, band, unit);
  line.demanded = BandText(band, scale);
  if (unit != expected.unit) {
    line.outcome = Outcome::kUnclear;
    line.found = "another unit";
    line.note =
        fmt::format("measured in {}, but the rule is in {}", Quoted(expected.unit), Quoted(unit));
    return;
  }
  line.found = FoundText(measured, scale);
  line.outcome = OutcomeOf(measured, band);
  if (line.outcome == Outcome::kUnclear) {
    line.note =
        std::isfinite(measured.low) && std::isfinite(measured.high)
            ? "the interval lies across the bound"
            : fmt::format("{} samples are too few for this percentile", AllSamples(series).size());
  } else if (!series.missing.empty()) {
    line.note = "without the repetitions where " + Printable(series.missing);
  }
}

void JudgeMetric(const std::vector<Claim>& claims, const Rule& rule, std::vector<Judged>& lines) {
  for (const QuantitySeries& series : SeriesFor(claims, rule)) {
    Judged line = LineFor(rule, Printable(series.claim->id));
    line.quantity = fmt::format("{}, {}", Printable(series.check->name), ToString(rule.statistic));
    if (series.repetitions.empty()) {
      line.outcome = Outcome::kUnclear;
      line.note = "not measured: " + Printable(series.missing);
    } else {
      JudgeSeries(series, rule, line);
    }
    lines.push_back(std::move(line));
  }
}

}  // namespace

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return "pass";
    case Outcome::kFail:
      return "fail";
    case Outcome::kUnclear:
      return "unclear";
    case Outcome::kNotMeasured:
      return "not measured";
  }
  return "unknown";
}

int Judgement::Count(Outcome outcome) const {
  return static_cast<int>(std::ranges::count(lines, outcome, &Judged::outcome));
}

int Judgement::ExitStatus() const {
  if (Count(Outcome::kFail) > 0) return 1;
  return Count(Outcome::kUnclear) > 0 ? 3 : 0;
}

results::Measurement QuantileInterval(std::vector<double> samples, double percent) {
  constexpr double kTail = 0.005;
  std::ranges::sort(samples);
  const auto n = static_cast<double>(samples.size());
  const double q = percent / 100;
  // The smallest sample with at least q of them at or below it.
  const auto at = static_cast<size_t>(std::clamp(std::ceil(q * n), 1.0, n)) - 1;
  Measurement measured{samples[at], -kInfinity, kInfinity, {}};
  const boost::math::binomial_distribution<double> below(n, q);
  // x_(l) lies above the quantile only if fewer than l samples lie below it.
  for (size_t l = 1; l <= samples.size(); ++l) {
    if (boost::math::cdf(below, static_cast<double>(l) - 1) > kTail) break;
    measured.low = samples[l - 1];
  }
  for (size_t u = samples.size(); u >= 1; --u) {
    if (boost::math::cdf(boost::math::complement(below, static_cast<double>(u) - 1)) > kTail) break;
    measured.high = samples[u - 1];
  }
  return measured;
}

Judgement Judge(const results::Results& results, const Profile& profile, bool strict) {
  Judgement judgement;
  judgement.profile = Printable(profile.name);
  judgement.description = Printable(profile.description);
  judgement.node = NodeLine(results.node);
  const std::vector<Claim> benchmarks = BenchmarksAsClaims(results.benchmarks);
  for (const Rule& rule : profile.rules) {
    const size_t before = judgement.lines.size();
    if (!rule.verdicts.empty()) {
      JudgeVerdicts(results, rule, strict, judgement.lines);
    } else {
      JudgeMetric(rule.claims.empty() ? benchmarks : results.claims, rule, judgement.lines);
    }
    if (judgement.lines.size() > before) continue;
    Judged line = LineFor(rule, Printable(rule.claims.empty() ? rule.benchmarks : rule.claims));
    line.quantity = rule.verdicts.empty() ? Printable(rule.quantity) : "verdict";
    line.outcome = rule.required ? Outcome::kUnclear : Outcome::kNotMeasured;
    line.note = rule.required ? "required, but the run has none" : "the run has none";
    judgement.lines.push_back(std::move(line));
  }
  return judgement;
}

}  // namespace nodeproof::reports
