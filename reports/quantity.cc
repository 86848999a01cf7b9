#include "reports/quantity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Expectation;
using results::Measurement;
using results::Relation;

struct Unit {
  double size;
  const char* name;
};
constexpr std::array<Unit, 5> kByteUnits{
    {{1, "B"}, {1024, "KiB"}, {1048576, "MiB"}, {1073741824, "GiB"}, {1099511627776, "TiB"}}};
constexpr std::array<Unit, 4> kTimeUnits{{{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}}};

// The largest unit of which `most` holds at least one.
Unit LargestIn(double most, std::span<const Unit> units) {
  Unit best = units.front();
  for (const Unit& unit : units) {
    if (most >= unit.size) best = unit;
  }
  return best;
}

// Sets divisor and unit for figures up to `most`.
Scale InUnit(const std::string& unit, double most) {
  double to_nanoseconds = 0;
  if (unit == "nsec") to_nanoseconds = 1;
  if (unit == "usec") to_nanoseconds = 1e3;
  if (unit == "msec") to_nanoseconds = 1e6;
  if (to_nanoseconds != 0) {
    const Unit best = LargestIn(most * to_nanoseconds, kTimeUnits);
    return {best.size / to_nanoseconds, 0, best.name};
  }
  if (unit == "bytes") {
    const Unit best = LargestIn(most, kByteUnits);
    return {best.size, 0, best.name};
  }
  if (unit == "bytes/s") {
    const Unit best = LargestIn(most, kByteUnits);
    return {best.size, 0, fmt::format("{}/s", best.name)};
  }
  if (unit == "ratio" || unit == "count") return {};
  return {1, 0, Printable(unit)};
}

// Decimals that show a third of `step`, so that an interval's ends differ when they do.
int DecimalsFor(double step) {
  constexpr int kMost = 6;
  if (!(step > 0)) return kMost;
  const double decimals = std::ceil(-std::log10(step / 3));
  return static_cast<int>(std::clamp(decimals, 0.0, double{kMost}));
}

std::string WithUnit(std::string text, const Scale& scale) {
  return scale.unit.empty() ? text : text + " " + scale.unit;
}

bool Counted(const Measurement& measured) {
  return measured.low == measured.high && measured.low == measured.estimate;
}

void AddFigures(const Check& check, std::vector<double>& figures, std::vector<double>& steps) {
  figures.insert(figures.end(), {check.expected.value, check.expected.tolerance,
                                 check.measured.estimate, check.measured.low, check.measured.high});
  steps.insert(steps.end(), {check.expected.tolerance, check.measured.high - check.measured.low});
}

}  // namespace

Scale ScaleOf(const Check& check, const Check* other) {
  std::vector<double> figures;
  std::vector<double> steps;
  AddFigures(check, figures, steps);
  if (other != nullptr && other->expected.unit == check.expected.unit) {
    AddFigures(*other, figures, steps);
  }
  double most = 0;
  for (const double figure : figures) most = std::max(most, std::abs(figure));
  Scale scale = InUnit(check.expected.unit, most);
  const bool whole = std::ranges::all_of(
      figures, [&](double figure) { return std::fmod(figure, scale.divisor) == 0; });
  if (whole) return scale;
  double step = 0;
  for (const double candidate : steps) {
    if (candidate > 0 && (step == 0 || candidate < step)) step = candidate;
  }
  // An interval far narrower than the figures are long would print noise.
  const double least = most / 1e6;
  scale.decimals = DecimalsFor(std::max(step == 0 ? most / 1000 : step, least) / scale.divisor);
  return scale;
}

std::string Figure(double value, const Scale& scale) {
  const double scaled = value / scale.divisor;
  if (std::abs(scaled) >= 1e15) return fmt::format("{:.6g}", scaled);
  std::string text = fmt::format("{:.{}f}", scaled, scale.decimals);
  // "-0.000" says nothing that "0.000" does not.
  if (text.starts_with('-') && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
  return text;
}

std::string ExpectedText(const Expectation& expected, const Scale& scale) {
  std::string value = Figure(expected.value, scale);
  const std::string tolerance = Figure(expected.tolerance, scale);
  const bool exact = expected.tolerance == 0;
  switch (expected.relation) {
    case Relation::kWithin:
      return WithUnit(exact ? "= " + value : value + " ± " + tolerance, scale);
    case Relation::kAtMost:
      return WithUnit("≤ " + value + (exact ? "" : " + " + tolerance), scale);
    case Relation::kAtLeast:
      return WithUnit("≥ " + value + (exact ? "" : " − " + tolerance), scale);
  }
  return value;
}

std::string IntervalText(const Measurement& measured, const Scale& scale) {
  if (Counted(measured)) return "";
  return fmt::format("[{}, {}]", Figure(measured.low, scale), Figure(measured.high, scale));
}

bool WasMeasured(const Check& check) {
  return !check.measured.samples.empty() || !Counted(check.measured) ||
         check.finding != results::Finding::kUnclear;
}

std::string MeasuredText(const Check& check, const Scale& scale) {
  return WasMeasured(check) ? MeasuredText(check.measured, scale) : "not measured";
}

std::string MeasuredText(const Measurement& measured, const Scale& scale) {
  const std::string estimate = Figure(measured.estimate, scale);
  if (Counted(measured)) return WithUnit(estimate, scale);
  return WithUnit(estimate + " " + IntervalText(measured, scale), scale);
}

std::string AmountText(double amount, const std::string& unit) {
  Scale scale = InUnit(unit, std::abs(amount));
  const double scaled = std::abs(amount / scale.divisor);
  if (scaled != std::floor(scaled)) scale.decimals = scaled < 10 ? 2 : 1;
  return WithUnit(Figure(amount, scale), scale);
}

}  // namespace nodeproof::reports
