// The picture of one check: the expected band, the measured interval with its estimate, and every
// sample behind it, as inline SVG on one axis.
#pragma once

#include "harness/results/results.h"
#include "reports/html_writer.h"
#include "reports/quantity.h"

namespace nodeproof::reports {

// The values that a picture shows.
struct Axis {
  double from = 0;
  double to = 1;
};

// An axis that holds the band, interval and samples of `check`, and those of `other`, the other
// arm's, if given, so that the two can be compared by eye; but of `check` alone when `other` lies
// so far off that nobody could see how the interval meets the band.
Axis AxisOf(const results::Check& check, const results::Check* other);

// `label` is what a screen reader says in the picture's place.
void DrawBand(const results::Check& check, const Axis& axis, const Scale& scale,
              const std::string& label, HtmlWriter& page);

}  // namespace nodeproof::reports
