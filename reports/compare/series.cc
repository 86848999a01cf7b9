#include "reports/compare/series.h"

#include <algorithm>
#include <map>

#include "reports/quantity.h"

namespace nodeproof::reports {
namespace {

using results::Arm;
using results::Check;
using results::Claim;

// "hog A reached 0.50 s of 2.0 s", or "" when every load was reached.
std::string ShortLoad(const Arm& arm) {
  const auto at =
      std::ranges::find_if(arm.load, [](const auto& load) { return load.done < load.required; });
  if (at == arm.load.end()) return "";
  return fmt::format("{} reached {} of {}", at->name, AmountText(at->done, at->unit),
                     AmountText(at->required, at->unit));
}

}  // namespace

std::vector<QuantitySeries> SeriesOf(const std::vector<const Claim*>& repetitions) {
  std::vector<QuantitySeries> all;
  std::map<QuantityKey, size_t> index;
  for (const Claim* claim : repetitions) {
    if (!claim->protected_arm) continue;
    const std::string short_load = ShortLoad(*claim->protected_arm);
    std::map<std::string, int> seen;
    for (const Check& check : claim->protected_arm->checks) {
      const QuantityKey key{check.name, ++seen[check.name]};
      const auto [at, fresh] = index.emplace(key, all.size());
      if (fresh) all.push_back({key, claim, &check, {}, ""});
      QuantitySeries& series = all[at->second];
      if (!short_load.empty()) {
        series.missing = short_load;
      } else if (!WasMeasured(check)) {
        series.missing = "no usable window";
      } else {
        series.repetitions.push_back(&check.measured);
      }
    }
  }
  return all;
}

}  // namespace nodeproof::reports
