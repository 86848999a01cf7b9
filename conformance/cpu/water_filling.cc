#include "conformance/cpu/water_filling.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

constexpr double kDefaultWeight = 100;  // of a group whose cpu.weight nobody wrote

double DemandOf(const Basin& basin) {
  if (basin.children.empty()) return basin.demand;
  return std::accumulate(basin.children.begin(), basin.children.end(), 0.0,
                         [](double sum, const Basin& child) { return sum + DemandOf(child); });
}

// What each of `siblings` gets of `capacity`. Every round settles those who want no more than their
// part; when none is left the others share the rest by weight.
std::vector<double> ShareOut(const std::vector<Basin>& siblings, double capacity) {
  std::vector<double> given(siblings.size(), 0);
  std::vector<size_t> open(siblings.size());
  std::iota(open.begin(), open.end(), size_t{0});
  for (;;) {
    double weights = 0;
    for (const size_t i : open) weights += siblings[i].weight;
    const double level = weights > 0 ? capacity / weights : 0;  // CPUs for each unit of weight
    const auto settled = std::partition(open.begin(), open.end(), [&](size_t i) {
      return DemandOf(siblings[i]) > level * siblings[i].weight;
    });
    if (settled == open.end()) {
      for (const size_t i : open) given[i] = level * siblings[i].weight;
      return given;
    }
    for (auto i = settled; i != open.end(); ++i) {
      given[*i] = DemandOf(siblings[*i]);
      capacity -= given[*i];
    }
    open.erase(settled, open.end());
  }
}

void FillInto(const Basin& basin, double capacity, std::vector<double>& leaves) {
  if (basin.children.empty()) {
    leaves.push_back(std::min(basin.demand, capacity));
    return;
  }
  const std::vector<double> given = ShareOut(basin.children, capacity);
  for (size_t i = 0; i < given.size(); ++i) FillInto(basin.children[i], given[i], leaves);
}

// The planned tree as basins. `order` receives which load each leaf with one is; idle leaves are
// left out, as they want nothing.
class BasinBuilder {
 public:
  explicit BasinBuilder(std::span<const PlannedLoad> loads) : loads_(loads) {}

  Result<Basin> Build(const kubelet::PlannedCgroup& group) {
    Basin basin;
    const kubelet::PlannedKnob* weight = group.Knob("cpu.weight");
    basin.weight = weight ? static_cast<double>(TRY(ParseInt(weight->value))) : kDefaultWeight;
    for (const kubelet::PlannedCgroup& child : group.children) {
      Basin below = TRY(Build(child));
      if (!below.children.empty() || below.demand > 0) basin.children.push_back(std::move(below));
    }
    for (size_t i = 0; i < loads_.size(); ++i) {
      if (loads_[i].path != group.path) continue;
      if (!basin.children.empty() || basin.demand > 0) {
        return Fail("{} has a load and another one there or below", group.path);
      }
      basin.demand = loads_[i].demand;
      order_.push_back(i);
    }
    return basin;
  }

  const std::vector<size_t>& order() const { return order_; }

 private:
  std::span<const PlannedLoad> loads_;
  std::vector<size_t> order_;
};

}  // namespace

std::vector<double> WaterFill(const Basin& root, double capacity) {
  std::vector<double> leaves;
  FillInto(root, capacity, leaves);
  return leaves;
}

Result<std::vector<double>> PredictCpus(const kubelet::Plan& plan,
                                        std::span<const PlannedLoad> loads, double capacity) {
  for (const PlannedLoad& load : loads) {
    if (!(load.demand > 0)) return Fail("the load in {} wants no CPU", load.path);
  }
  BasinBuilder builder(loads);
  const Basin root = TRY(builder.Build(plan.root));
  if (builder.order().size() != loads.size()) {
    for (size_t i = 0; i < loads.size(); ++i) {
      if (std::ranges::find(builder.order(), i) == builder.order().end()) {
        return Fail("the plan has no group {} for a load", loads[i].path);
      }
    }
  }
  const std::vector<double> leaves = WaterFill(root, capacity);
  std::vector<double> cpus(loads.size());
  for (size_t i = 0; i < leaves.size(); ++i) cpus[builder.order()[i]] = leaves[i];
  return cpus;
}

}  // namespace nodeproof::conformance
