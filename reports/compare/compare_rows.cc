#include "reports/compare/compare_rows.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "reports/printable.h"
#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

using results::Verdict;

std::string TallyText(const Tally& tally) {
  if (tally.Unanimous()) {
    return std::string(ToString(tally.Majority())) +
           (tally.known && tally.Of(Verdict::kViolated) > 0 ? " (known)" : "");
  }
  std::string text;
  for (const auto& [verdict, count] : tally.counts) {
    text += fmt::format("{}{} {}/{}", text.empty() ? "" : ", ", ToString(verdict), count,
                        tally.repetitions);
  }
  return text;
}

std::string VerdictsText(const ClaimChange& claim) {
  if (!claim.a || !claim.b) return TallyText(claim.a ? *claim.a : *claim.b);
  const std::string a = TallyText(*claim.a);
  const std::string b = TallyText(*claim.b);
  return a == b ? a : a + " → " + b;
}

std::string PercentText(double relative) {
  const double percent = 100 * relative;
  const char* sign = percent < 0 ? "−" : "+";
  if (std::abs(percent) >= 1000) return fmt::format("{}{:.0f} %", sign, std::abs(percent));
  return fmt::format("{}{:.1f} %", sign, std::abs(percent));
}

std::string EffectText(const Quantity& quantity, const Scale& scale) {
  if (quantity.change == Change::kIncomparable) return Printable(quantity.note);
  const Interval& effect = quantity.effect;
  std::string text = quantity.relative ? PercentText(*quantity.relative) + ", " : "";
  // As a distance from the promise: positive is worse.
  const double size = std::abs(effect.estimate);
  const bool flip = effect.estimate < 0;
  const std::string figure = Figure(size, scale);
  const bool rounds_to_nothing = figure.find_first_of("123456789") == std::string::npos;
  text += figure;
  if (!rounds_to_nothing) text += flip ? " better" : " worse";
  if (effect.low != effect.high) {
    text += fmt::format(" [{}, {}]", Figure(flip ? -effect.high : effect.low, scale),
                        Figure(flip ? -effect.low : effect.high, scale));
  }
  if (effect.estimate == 0 && effect.low == effect.high) text = "none";
  return quantity.note.empty() ? text : text + "; " + Printable(quantity.note);
}

std::string LabelOf(Change change, bool suspect) {
  std::string label(ToString(change));
  return change == Change::kNoisy && suspect ? label + ", suspect" : label;
}

void FillQuantity(const Quantity& quantity, CompareRow& row) {
  Scale scale = ScaleOf(quantity.a, &quantity.b);
  row.figures = &quantity;
  row.quantity = Printable(quantity.name);
  row.a = MeasuredText(quantity.a.measured, scale);
  row.b = MeasuredText(quantity.b.measured, scale);
  row.effect = EffectText(quantity, scale);
  if (quantity.change != Change::kIncomparable) {
    // A threshold may be finer than the figures; one more digit shows it.
    scale.decimals = std::min(scale.decimals + 1, 7);
    row.threshold = Figure(quantity.threshold, scale);
  }
}

int Weight(const Quantity& quantity) {
  switch (quantity.change) {
    case Change::kWorse:
      return 4;
    case Change::kNoisy:
      return quantity.suspect ? 3 : 1;
    case Change::kBetter:
      return 2;
    case Change::kIncomparable:
      return 1;
    case Change::kSame:
      return 0;
  }
  return 0;
}

void AddClaim(const ClaimChange& claim, Subject subject, Lines lines,
              std::vector<CompareRow>& rows) {
  CompareRow& first = rows.emplace_back();
  first.change = claim.Worst();
  first.label = LabelOf(first.change, claim.Suspect());
  if (!claim.a || !claim.b) first.label = claim.a ? "only in A" : "only in B";
  first.claim = Printable(claim.id);
  if (subject == Subject::kClaims) first.verdicts = VerdictsText(claim);
  if (claim.quantities.empty()) {
    const Tally& tally = claim.b ? *claim.b : *claim.a;
    first.effect = Printable(tally.reason);
    return;
  }
  const auto shown = std::ranges::max_element(claim.quantities, {}, Weight);
  FillQuantity(*shown, first);
  for (auto each = claim.quantities.begin(); each != claim.quantities.end(); ++each) {
    if (each == shown || (lines == Lines::kChanged && Weight(*each) == 0)) continue;
    CompareRow& row = rows.emplace_back();
    row.change = each->change;
    row.label = LabelOf(each->change, each->suspect);
    FillQuantity(*each, row);
  }
}

}  // namespace

std::vector<CompareRow> RowsOf(const std::vector<ClaimChange>& claims, Subject subject,
                               Lines lines) {
  std::vector<CompareRow> rows;
  for (const ClaimChange& claim : claims) AddClaim(claim, subject, lines, rows);
  return rows;
}

std::string CountsText(const std::vector<ClaimChange>& claims, std::string_view what) {
  std::map<std::string, int> counts;
  for (const ClaimChange& claim : claims) {
    if (claim.a && claim.b) {
      ++counts[LabelOf(claim.Worst(), claim.Suspect())];
    } else {
      ++counts[claim.a ? "only in A" : "only in B"];
    }
  }
  std::string text = fmt::format("{} {}{}", claims.size(), what, claims.size() == 1 ? "" : "s");
  const char* separator = ": ";
  for (const char* label : {"worse", "noisy, suspect", "better", "noisy", "incomparable",
                            "only in A", "only in B", "same"}) {
    if (counts[label] == 0) continue;
    text += fmt::format("{}{} {}", separator, counts[label], label);
    separator = "; ";
  }
  return text;
}

std::string HeadlineOf(const Comparison& comparison) {
  const std::string& a = comparison.a.name;
  const std::string& b = comparison.b.name;
  if (comparison.Regressed()) return fmt::format("{} isolates worse than {}", b, a);
  if (comparison.Undecided()) {
    return fmt::format("{} shows no regression against {}, but not everything was decided", b, a);
  }
  return fmt::format("{} isolates no worse than {}", b, a);
}

std::vector<std::string> RegressionLines(const Comparison& comparison) {
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<ClaimChange>& claims, bool verdicts) {
    for (const ClaimChange& claim : claims) {
      if (claim.Worst() != Change::kWorse) continue;
      std::string line = Printable(claim.id) + ":";
      if (verdicts) line += " " + VerdictsText(claim);
      if (claim.verdict == Change::kWorse) line += ", " + Printable(claim.b->reason);
      for (const Quantity& quantity : claim.quantities) {
        if (quantity.change != Change::kWorse) continue;
        line += fmt::format("; {} {}", Printable(quantity.name),
                            EffectText(quantity, ScaleOf(quantity.a, &quantity.b)));
      }
      lines.push_back(std::move(line));
    }
  };
  add(comparison.claims, true);
  add(comparison.benchmarks, false);
  return lines;
}

std::string SideLine(const SideFacts& side) {
  std::string line =
      fmt::format("{}: {}, {} lane, nodeproof {}", side.name, side.node, side.lane, side.version);
  if (!side.file.empty()) line += fmt::format(" ({})", side.file);
  return line;
}

}  // namespace nodeproof::reports
