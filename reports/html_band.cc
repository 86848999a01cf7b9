#include "reports/html_band.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Expectation;
using results::Relation;

// The picture's coordinates, in its own pixels.
constexpr double kWidth = 520;
constexpr double kLeft = 6;
constexpr double kRight = 514;
constexpr double kBandTop = 4;
constexpr double kBandHeight = 44;
constexpr double kIntervalY = 14;
constexpr double kSamplesTop = 24;
constexpr double kSamplesHeight = 20;
constexpr double kAxisY = 52;
constexpr double kLabelY = 66;
constexpr double kHeight = 72;

// More dots than this only darken the picture.
constexpr size_t kDots = 200;

std::string Px(double value) { return fmt::format("{:.6g}", std::round(value * 10) / 10); }

// The ends of the expected band; an open end is infinite.
double BandLow(const Expectation& expected) {
  return expected.relation == Relation::kAtMost ? -HUGE_VAL : expected.value - expected.tolerance;
}
double BandHigh(const Expectation& expected) {
  return expected.relation == Relation::kAtLeast ? HUGE_VAL : expected.value + expected.tolerance;
}

class Picture {
 public:
  Picture(const Axis& axis, HtmlWriter& page) : axis_(axis), page_(page) {}

  // Where `value` stands; beyond the axis it stands at the edge.
  double X(double value) const {
    const double span = axis_.to - axis_.from;
    const double part = std::clamp((value - axis_.from) / span, 0.0, 1.0);
    return kLeft + part * (kRight - kLeft);
  }

  void Rect(const char* style, double from, double to, double y, double height) {
    const double x = X(from);
    page_.Empty("rect", {{"class", style},
                         {"x", Px(x)},
                         {"y", Px(y)},
                         {"width", Px(std::max(X(to) - x, 1.0))},
                         {"height", Px(height)}});
  }
  void Line(const char* style, double x1, double y1, double x2, double y2) {
    page_.Empty("line",
                {{"class", style}, {"x1", Px(x1)}, {"y1", Px(y1)}, {"x2", Px(x2)}, {"y2", Px(y2)}});
  }

  // Samples from the first, on top, to the last: a drift shows as a slope.
  void Samples(const std::vector<double>& samples) {
    if (samples.empty()) return;
    const size_t step = (samples.size() + kDots - 1) / kDots;
    const double rows = static_cast<double>(std::max<size_t>(samples.size() - 1, 1));
    std::string path;
    for (size_t i = 0; i < samples.size(); i += step) {
      const double y = kSamplesTop + kSamplesHeight * static_cast<double>(i) / rows;
      // Whole pixels: a report may hold millions of dots.
      fmt::format_to(std::back_inserter(path), "M{} {}h0", std::lround(X(samples[i])),
                     std::lround(y));
    }
    page_.Empty("path", {{"class", "dots"}, {"d", path}});
  }

  void Ticks(const Scale& scale) {
    Line("axis", kLeft, kAxisY, kRight, kAxisY);
    const double step = TickStep();
    // A tick's label needs the digits of the step, which can be more than the figures have.
    Scale labels = scale;
    const double digits = std::ceil(-std::log10(step / scale.divisor) - 1e-9);
    labels.decimals = static_cast<int>(std::clamp(digits, 0.0, 9.0));
    const double first = std::ceil(axis_.from / step);
    for (int i = 0; i < 12; ++i) {
      const double value = (first + i) * step;
      if (value > axis_.to + step * 1e-6) break;
      const double x = X(value);
      Line("axis", x, kAxisY, x, kAxisY + 4);
      const char* anchor = x < kLeft + 24 ? "start" : x > kRight - 24 ? "end" : "middle";
      page_.Element("text", {{"x", Px(x)}, {"y", Px(kLabelY)}, {"text-anchor", anchor}},
                    Figure(value, labels));
    }
  }

 private:
  // 1, 2 or 5 times a power of ten (of two, times a power of ten, for bytes), about five ticks.
  double TickStep() const {
    const double rough = (axis_.to - axis_.from) / 5;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (power * factor >= rough) return power * factor;
    }
    return power * 10;
  }

  const Axis axis_;
  HtmlWriter& page_;
};

void Widen(double value, Axis& axis, bool& any) {
  if (!std::isfinite(value)) return;
  axis.from = any ? std::min(axis.from, value) : value;
  axis.to = any ? std::max(axis.to, value) : value;
  any = true;
}

Axis AxisFor(std::initializer_list<const Check*> checks) {
  Axis axis;
  bool any = false;
  for (const Check* each : checks) {
    for (const double value :
         {BandLow(each->expected), BandHigh(each->expected), each->expected.value,
          each->measured.estimate, each->measured.low, each->measured.high}) {
      Widen(value, axis, any);
    }
    for (const double sample : each->measured.samples) Widen(sample, axis, any);
  }
  // Halves first: the difference of two large doubles may be no double.
  double margin = (axis.to / 2 - axis.from / 2) * 0.12;
  if (margin == 0) margin = std::max(std::abs(axis.to) * 0.1, 0.5);
  const bool from_zero = axis.from >= 0;
  axis.from = std::max(axis.from - margin, -1e300);
  axis.to = std::min(axis.to + margin, 1e300);
  if (from_zero && axis.from < 0) axis.from = 0;
  return axis;
}

}  // namespace

Axis AxisOf(const Check& check, const Check* other) {
  const Axis alone = AxisFor({&check});
  if (other == nullptr) return alone;
  const Axis shared = AxisFor({&check, other});
  const bool legible = (alone.to / 3 - alone.from / 3) >= (shared.to / 9 - shared.from / 9);
  return legible ? shared : alone;
}

void DrawBand(const Check& check, const Axis& axis, const Scale& scale, const std::string& label,
              HtmlWriter& page) {
  // The axis in the scale's unit, so that its ticks are round there.
  const double unit = scale.divisor;
  const Axis scaled{axis.from / unit, axis.to / unit};
  if (!(scaled.to > scaled.from)) return;
  const auto in_unit = [&](double value) { return value / unit; };
  const std::string box = fmt::format("0 0 {} {}", kWidth, kHeight);
  page.Open("svg", {{"class", "band"}, {"viewBox", box}, {"role", "img"}, {"aria-label", label}});
  Picture picture(scaled, page);
  const double low = std::max(in_unit(BandLow(check.expected)), scaled.from);
  const double high = std::min(in_unit(BandHigh(check.expected)), scaled.to);
  picture.Rect("expected", low, high, kBandTop, kBandHeight);
  const double target = picture.X(in_unit(check.expected.value));
  picture.Line("target", target, kBandTop, target, kBandTop + kBandHeight);
  std::vector<double> samples = check.measured.samples;
  for (double& sample : samples) sample = in_unit(sample);
  picture.Samples(samples);
  const double from = picture.X(in_unit(check.measured.low));
  const double to = picture.X(in_unit(check.measured.high));
  picture.Line("interval", from, kIntervalY, to, kIntervalY);
  picture.Line("interval end", from, kIntervalY - 5, from, kIntervalY + 5);
  picture.Line("interval end", to, kIntervalY - 5, to, kIntervalY + 5);
  page.Empty("circle", {{"class", "estimate"},
                        {"cx", Px(picture.X(in_unit(check.measured.estimate)))},
                        {"cy", Px(kIntervalY)},
                        {"r", "4.5"}});
  Scale plain = scale;
  plain.divisor = 1;
  picture.Ticks(plain);
  page.Close();
}

}  // namespace nodeproof::reports
