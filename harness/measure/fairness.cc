#include "harness/measure/fairness.h"

namespace nodeproof::measure {

double JainIndex(std::span<const double> served) {
  double sum = 0;
  double squares = 0;
  for (const double x : served) {
    sum += x;
    squares += x * x;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(served.size()) * squares) : 1;
}

}  // namespace nodeproof::measure
