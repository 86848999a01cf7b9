// What a kernel shows against itself (an A/A run): how often each quantity was called changed
// though nothing was, and how far its estimates lay apart. That distance is the quantity's noise
// floor: no threshold of a later comparison on the same machine need be below it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "reports/compare/compare.h"

namespace nodeproof::reports {

inline constexpr std::string_view kNoiseFloorSchema = "nodeproof.noise-floor/1";

struct QuantityNoise {
  std::string claim;
  std::string quantity;
  std::string unit;
  int pairs = 0;         // comparisons of one boot with the next
  int false_worse = 0;   // called worse
  int false_better = 0;  // called better
  double floor = 0;      // the largest effect between any two boots, in `unit`
  double threshold = 0;  // that the comparisons used
};

struct Noise {
  SideFacts node;
  std::string shape;  // of the VM, or ""
  int boots = 0;
  std::vector<QuantityNoise> quantities;
  // Claims whose verdict was not the same in every boot, a printable line each.
  std::vector<std::string> unsteady;

  int FalseRegressions() const;
};

// Compares each boot with the next (1 with 2, 3 with 4, …) for the false-positive rates, and every
// boot with every other for the floors. Needs two boots.
Result<Noise> MeasureNoise(const std::vector<results::Results>& boots,
                           const CompareOptions& options);

std::string RenderNoiseText(const Noise& noise);
std::string RenderNoiseMarkdown(const Noise& noise);
// The document that ParseNoiseFloor reads.
Result<std::string> RenderNoiseJson(const Noise& noise);

// Reads a noise floor for runs on `lane` in `shape`: one measured elsewhere is an Error.
Result<NoiseFloor> ParseNoiseFloor(std::string_view text, const std::string& name,
                                   std::string_view lane, std::string_view shape);

// The VM shape of a run, "" on a host, "each claim's own" where there were several.
std::string ShapeOf(const results::Results& results);

}  // namespace nodeproof::reports
