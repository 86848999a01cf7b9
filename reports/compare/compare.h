// What changed between two runs: verdicts, and each measured quantity with the size of the change
// and its interval, from the samples that the results keep. Pure functions on the typed result
// model.
//
// The effect of a quantity is how much further it moved from what was promised, so that positive is
// worse whatever its direction: the growth of |measured - value| for `within`, of measured for
// `at_most`, of -measured for `at_least`. With its 99 % interval and a threshold T > 0:
//
//   worse   the whole interval lies above T
//   better  the whole interval lies below -T
//   same    the whole interval lies within -T … T
//   noisy   anything else: the samples do not tell; suspect when the estimate itself is above T
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/results/results.h"
#include "reports/compare/pooled.h"

namespace nodeproof::reports {

enum class Change { kSame, kBetter, kWorse, kNoisy, kIncomparable };
std::string_view ToString(Change change);  // "same", "better", "worse", "noisy", "incomparable"

// The largest effects that a kernel showed against itself, by claim and quantity, in its unit.
using NoiseFloor = std::map<std::pair<std::string, std::string>, double>;

struct CompareOptions {
  // The threshold of a change, in hundredths: of the promised value for `within`, but between a
  // tenth (of small shares 5 % is nothing that a tolerance can tell) and half of its tolerance; of
  // A's estimate for a bound, but at least half of the tolerance and one hundredth of the bound,
  // because far from its bound a quantity may move freely.
  double threshold_percent = 5;
  bool strict = false;  // a known violation counts as any other
  NoiseFloor floor{};   // no threshold is below it
};

struct Quantity {
  std::string name;
  // The figures of each side, pooled over repetitions, without samples.
  results::Check a;
  results::Check b;
  size_t observations_a = 0;
  size_t observations_b = 0;
  Basis basis = Basis::kCounted;
  Interval effect;                 // in the quantity's unit; positive is worse
  std::optional<double> relative;  // (B - A) / |A|, where A is not 0
  double threshold = 0;
  Change change = Change::kSame;
  bool suspect = false;  // noisy, and the estimate is above the threshold
  std::string note;      // why it is incomparable
};

// The verdicts of a claim's repetitions.
struct Tally {
  std::map<results::Verdict, int> counts;
  int repetitions = 0;
  bool known = false;  // every violation among them is on the list of known ones
  std::string reason;  // of the first that is not `holds`

  // The verdict of more than half of them, or `inconclusive`.
  results::Verdict Majority() const;
  bool Unanimous() const { return counts.size() == 1; }
  int Of(results::Verdict verdict) const;
};

struct ClaimChange {
  std::string id;
  std::optional<Tally> a;  // absent: only the other side has the claim
  std::optional<Tally> b;
  Change verdict = Change::kSame;
  bool undecided = false;  // B has no verdict to rely on: inconclusive, error, lost support, mixed
  std::vector<Quantity> quantities;

  Change Worst() const;  // worse, else noisy if suspect or undecided, else better, noisy, same
  bool Suspect() const;  // undecided, or a suspect quantity
};

// One side in a headline.
struct SideFacts {
  std::string name;    // "A", "baseline"
  std::string file;    // where it was read from, or ""
  std::string node;    // NodeLine
  std::string kernel;  // the release
  std::string lane;
  std::string version;
  std::string started;
};

struct Comparison {
  SideFacts a;
  SideFacts b;
  CompareOptions options;
  std::vector<std::string> differences;  // that --force overrode
  std::vector<std::string> notes;
  std::vector<ClaimChange> claims;
  std::vector<ClaimChange> benchmarks;  // without verdicts

  bool Regressed() const;
  bool Undecided() const;
  // 1 regressed, else 3 undecided, else 0.
  int ExitStatus() const;
};

SideFacts FactsOf(const results::Results& results, std::string name, std::string file);

// Compares what can be compared; see comparable.h for whether the runs as a whole can.
Comparison Compare(const results::Results& a, const results::Results& b,
                   const CompareOptions& options);

}  // namespace nodeproof::reports
