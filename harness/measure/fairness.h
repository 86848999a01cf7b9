// Fairness of a division as one number.
#pragma once

#include <span>

namespace nodeproof::measure {

// Jain's index of what each got divided by what it should have got: (sum x)^2 / (n sum x^2), 1 when
// all are served alike, 1/n when one has everything, 1 when nobody has anything. Source: R. Jain,
// D. Chiu, W. Hawe, "A Quantitative Measure of Fairness", DEC-TR-301, 1984.
double JainIndex(std::span<const double> served);

}  // namespace nodeproof::measure
