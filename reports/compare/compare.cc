#include "reports/compare/compare.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "reports/compare/benchmark_rows.h"
#include "reports/compare/series.h"
#include "reports/facts.h"
#include "reports/printable.h"
#include "reports/totals.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;
using results::Measurement;
using results::Relation;
using results::Results;
using results::Verdict;

using Iterations = std::vector<const Claim*>;

// How a quantity's mean counts in its distance from the promise: badness = sign x mean + constant.
double SignOf(const results::Expectation& expected, double mean) {
  switch (expected.relation) {
    case Relation::kAtMost:
      return 1;
    case Relation::kAtLeast:
      return -1;
    case Relation::kWithin:
      return mean >= expected.value ? 1 : -1;
  }
  return 1;
}

double ThresholdOf(const Check& check, double estimate, const CompareOptions& options) {
  const auto& expected = check.expected;
  const double part = options.threshold_percent / 100;
  const double half = expected.tolerance / 2;
  if (expected.relation != Relation::kWithin) {
    return std::max({part * std::abs(estimate), half, 0.01 * std::abs(expected.value)});
  }
  if (expected.value == 0) return half;
  return std::clamp(part * std::abs(expected.value), expected.tolerance / 10, half);
}

void Classify(Quantity& quantity) {
  // Rounding of the means themselves is no change.
  const double slack =
      1e-12 * std::max({std::abs(quantity.a.measured.estimate),
                        std::abs(quantity.b.measured.estimate), quantity.threshold});
  const double limit = quantity.threshold + slack;
  const Interval& effect = quantity.effect;
  const bool finite = std::isfinite(effect.low) && std::isfinite(effect.high);
  if (finite && effect.low > limit) {
    quantity.change = Change::kWorse;
  } else if (finite && effect.high < -limit) {
    quantity.change = Change::kBetter;
  } else if (finite && effect.low >= -limit && effect.high <= limit) {
    quantity.change = Change::kSame;
  } else {
    quantity.change = Change::kNoisy;
    quantity.suspect = !finite || effect.estimate > limit;
  }
}

Measurement Shown(const Pooled& pooled) {
  const Interval interval = IntervalOf(pooled);
  return {interval.estimate, interval.low, interval.high, {}};
}

Quantity CompareSeries(const std::string& id, const QuantitySeries& a, const QuantitySeries& b,
                       const CompareOptions& options) {
  Quantity quantity;
  quantity.name = a.check->name;
  quantity.a = {a.check->name, a.check->expected, {}, a.check->finding};
  quantity.b = {b.check->name, b.check->expected, {}, b.check->finding};
  const bool by_runs = EnoughRuns(a.repetitions) && EnoughRuns(b.repetitions);
  const Pooled pooled_a = Pool(a.repetitions, by_runs);
  const Pooled pooled_b = Pool(b.repetitions, by_runs);
  quantity.a.measured = Shown(pooled_a);
  quantity.b.measured = Shown(pooled_b);
  quantity.observations_a = pooled_a.observations;
  quantity.observations_b = pooled_b.observations;
  quantity.basis = std::max(pooled_a.basis, pooled_b.basis);
  const auto& expected_a = a.check->expected;
  const auto& expected_b = b.check->expected;
  if (expected_a.unit != expected_b.unit || expected_a.relation != expected_b.relation) {
    quantity.change = Change::kIncomparable;
    quantity.note = "another unit or relation";
    return quantity;
  }
  const double sign_a = SignOf(expected_a, pooled_a.mean);
  const double sign_b = SignOf(expected_b, pooled_b.mean);
  // What is equal sample for sample, as in the deterministic lane, does not differ by chance.
  if (!EqualSamples(a.repetitions, b.repetitions)) {
    quantity.effect = DifferenceOf(pooled_a, sign_a, pooled_b, sign_b);
  }
  // Each side's distance from its own promise: a kernel may legitimately be promised another value.
  const double constant = expected_a.relation == Relation::kWithin
                              ? sign_a * expected_a.value - sign_b * expected_b.value
                              : 0;
  for (double* part : {&quantity.effect.estimate, &quantity.effect.low, &quantity.effect.high}) {
    *part += constant;
  }
  if (pooled_a.mean != 0) {
    quantity.relative = (pooled_b.mean - pooled_a.mean) / std::abs(pooled_a.mean);
  }
  quantity.threshold = ThresholdOf(*a.check, pooled_a.mean, options);
  const auto floor = options.floor.find({id, quantity.name});
  if (floor != options.floor.end()) {
    quantity.threshold = std::max(quantity.threshold, floor->second);
  }
  Classify(quantity);
  return quantity;
}

Tally TallyOf(const Iterations& iterations) {
  Tally tally;
  tally.known = true;
  for (const Claim* claim : iterations) {
    ++tally.counts[claim->verdict];
    ++tally.repetitions;
    if (claim->verdict == Verdict::kViolated && !claim->known) tally.known = false;
    if (claim->verdict != Verdict::kHolds && tally.reason.empty()) tally.reason = claim->reason;
  }
  return tally;
}

bool IsOpen(Verdict verdict) {
  return verdict == Verdict::kInconclusive || verdict == Verdict::kError;
}

void CompareVerdicts(const CompareOptions& options, ClaimChange& change) {
  const Verdict a = change.a->Majority();
  const Verdict b = change.b->Majority();
  const bool mixed = !change.b->Unanimous() && change.b->Of(Verdict::kViolated) > 0;
  if (b == Verdict::kViolated && a != Verdict::kViolated) {
    const bool counts = options.strict || !change.b->known;
    change.verdict = counts ? Change::kWorse : Change::kSame;
  } else if (IsOpen(b) || (mixed && b != Verdict::kViolated)) {
    change.verdict = Change::kNoisy;
    change.undecided = true;
  } else if (b == Verdict::kUnsupported && a == Verdict::kHolds) {
    change.verdict = Change::kNoisy;
    change.undecided = true;
  } else if (b == Verdict::kHolds && (a == Verdict::kViolated || a == Verdict::kUnsupported)) {
    change.verdict = Change::kBetter;
  } else if (IsOpen(a)) {
    change.verdict = Change::kNoisy;
  }
}

void CompareQuantities(const Iterations& a, const Iterations& b, const CompareOptions& options,
                       ClaimChange& change) {
  const auto series_b = SeriesOf(b);
  std::map<QuantityKey, const QuantitySeries*> of_b;
  for (const QuantitySeries& series : series_b) of_b.emplace(series.key, &series);
  for (const QuantitySeries& series : SeriesOf(a)) {
    const auto at = of_b.find(series.key);
    // What one side did not measure is no change; its verdict says that.
    if (at == of_b.end() || series.repetitions.empty() || at->second->repetitions.empty()) continue;
    change.quantities.push_back(CompareSeries(change.id, series, *at->second, options));
  }
}

// The claims of a run by id, in the order of their first occurrence.
std::map<std::string, Iterations> ById(const std::vector<Claim>& claims,
                                       std::vector<std::string>& order) {
  std::map<std::string, Iterations> by_id;
  std::set<std::string> seen(order.begin(), order.end());
  for (const Claim& claim : claims) {
    by_id[claim.id].push_back(&claim);
    if (seen.insert(claim.id).second) order.push_back(claim.id);
  }
  return by_id;
}

std::vector<ClaimChange> CompareClaims(const std::vector<Claim>& a, const std::vector<Claim>& b,
                                       const CompareOptions& options) {
  std::vector<std::string> order;
  const auto of_a = ById(a, order);
  const auto of_b = ById(b, order);
  std::vector<ClaimChange> changes;
  for (const std::string& id : order) {
    ClaimChange& change = changes.emplace_back();
    change.id = id;
    const auto at_a = of_a.find(id);
    const auto at_b = of_b.find(id);
    if (at_a != of_a.end()) change.a = TallyOf(at_a->second);
    if (at_b != of_b.end()) change.b = TallyOf(at_b->second);
    if (!change.a || !change.b) {
      change.verdict = Change::kIncomparable;
      change.undecided = !change.b;
      continue;
    }
    CompareVerdicts(options, change);
    CompareQuantities(at_a->second, at_b->second, options, change);
  }
  return changes;
}

// A benchmark that ran once has no interval: that it differs proves nothing.
void DoubtSingleRuns(std::vector<ClaimChange>& benchmarks) {
  for (ClaimChange& benchmark : benchmarks) {
    for (Quantity& quantity : benchmark.quantities) {
      if (quantity.basis != Basis::kCounted) continue;
      quantity.note = "one repetition: no interval";
      if (quantity.change == Change::kSame) continue;
      quantity.suspect = quantity.change == Change::kWorse;
      quantity.change = Change::kNoisy;
    }
  }
}

}  // namespace

std::string_view ToString(Change change) {
  switch (change) {
    case Change::kSame:
      return "same";
    case Change::kBetter:
      return "better";
    case Change::kWorse:
      return "worse";
    case Change::kNoisy:
      return "noisy";
    case Change::kIncomparable:
      return "incomparable";
  }
  return "unknown";
}

int Tally::Of(Verdict verdict) const {
  const auto at = counts.find(verdict);
  return at == counts.end() ? 0 : at->second;
}

Verdict Tally::Majority() const {
  for (const auto& [verdict, count] : counts) {
    if (2 * count > repetitions) return verdict;
  }
  return Verdict::kInconclusive;
}

bool ClaimChange::Suspect() const {
  return undecided || std::ranges::any_of(quantities, &Quantity::suspect);
}

Change ClaimChange::Worst() const {
  std::set<Change> changes = {verdict};
  for (const Quantity& quantity : quantities) changes.insert(quantity.change);
  if (changes.contains(Change::kWorse)) return Change::kWorse;
  if (verdict == Change::kIncomparable) return verdict;
  if (Suspect()) return Change::kNoisy;
  for (const Change change : {Change::kBetter, Change::kNoisy, Change::kIncomparable}) {
    if (changes.contains(change)) return change;
  }
  return Change::kSame;
}

bool Comparison::Regressed() const {
  const auto worse = [](const ClaimChange& change) { return change.Worst() == Change::kWorse; };
  return std::ranges::any_of(claims, worse) || std::ranges::any_of(benchmarks, worse);
}

bool Comparison::Undecided() const {
  return std::ranges::any_of(claims, &ClaimChange::Suspect) ||
         std::ranges::any_of(benchmarks, &ClaimChange::Suspect);
}

int Comparison::ExitStatus() const { return Regressed() ? 1 : Undecided() ? 3 : 0; }

SideFacts FactsOf(const Results& results, std::string name, std::string file) {
  SideFacts facts;
  facts.name = std::move(name);
  facts.file = Printable(file);
  facts.node = NodeLine(results.node);
  for (const auto& [path, value] : FlatNodeFacts(results.node)) {
    if (path == "node.kernel.release") facts.kernel = value;
  }
  facts.lane = Printable(results.run.lane);
  facts.version = Printable(results.run.version);
  facts.started = Printable(results.run.started);
  return facts;
}

Comparison Compare(const Results& a, const Results& b, const CompareOptions& options) {
  Comparison comparison;
  comparison.a = FactsOf(a, "A", "");
  comparison.b = FactsOf(b, "B", "");
  comparison.options = options;
  comparison.claims = CompareClaims(a.claims, b.claims, options);
  comparison.benchmarks =
      CompareClaims(BenchmarksAsClaims(a.benchmarks), BenchmarksAsClaims(b.benchmarks), options);
  DoubtSingleRuns(comparison.benchmarks);
  return comparison;
}

}  // namespace nodeproof::reports
