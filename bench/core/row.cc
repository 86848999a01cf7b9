#include "bench/core/row.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "harness/measure/estimate.h"

namespace nodeproof::bench {
namespace {

struct NamedPercentile {
  const char* name;
  double fraction;
};
constexpr NamedPercentile kPercentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

const char* UnitName(benchmark::TimeUnit unit) { return benchmark::GetTimeUnitString(unit); }

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Json PercentilesOf(std::span<const Trial* const> trials, double nanoseconds) {
  const auto all = std::make_unique<measure::Histogram>();
  for (const Trial* trial : trials) all->Merge(trial->latencies);
  if (all->count() == 0) return nullptr;
  const auto in_unit = [&](Nanoseconds value) {
    return static_cast<double>(value.count()) / nanoseconds;
  };
  Json percentiles = {{"max", in_unit(all->Max())}};
  for (const auto& [name, fraction] : kPercentiles) {
    percentiles[name] = in_unit(all->Percentile(fraction));
  }
  return percentiles;
}

Result<Json> FiguresOf(std::span<const Trial* const> trials) {
  Json quantities = Json::object();
  for (const Figure& first : trials.front()->figures) {
    std::vector<double> values;
    for (const Trial* trial : trials) {
      const auto at = std::ranges::find(trial->figures, first.name, &Figure::name);
      if (at == trial->figures.end()) {
        return Fail("only some repetitions reported {}", first.name);
      }
      values.push_back(at->value);
    }
    results::Measurement mean = measure::Exact(values.front());
    if (values.size() >= 2) mean = TRY(measure::MeanInterval(values, measure::kConfidence));
    mean.samples = std::move(values);
    quantities[first.name] = QuantityJson(mean, first.unit, first.better);
  }
  return quantities;
}

}  // namespace

Json QuantityJson(const results::Measurement& measured, const std::string& unit, Better better) {
  return {{"value", measured.estimate},  {"low", measured.low}, {"high", measured.high},
          {"samples", measured.samples}, {"unit", unit},        {"better", ToString(better)}};
}

Result<Json> MeasuredRow(const Bench& bench, std::span<const Repetition> repetitions,
                         std::span<const Trial* const> trials) {
  if (repetitions.empty() || trials.empty()) return Fail("no repetition was measured");
  std::vector<double> real;
  std::vector<double> cpu;
  for (const Repetition& each : repetitions) {
    real.push_back(each.real_time);
    cpu.push_back(each.cpu_time);
  }
  Json row = {{"name", bench.id},
              {"what", bench.what},
              {"status", "measured"},
              {"run_type", "iteration"},
              {"iterations", repetitions.front().iterations},
              {"repetitions", repetitions.size()},
              {"real_time", MeanOf(real)},
              {"cpu_time", MeanOf(cpu)},
              {"samples", real},
              {"time_unit", UnitName(bench.unit)},
              {"better", ToString(Better::kLower)}};
  const double nanoseconds = 1e9 / benchmark::GetTimeUnitMultiplier(bench.unit);
  if (Json percentiles = PercentilesOf(trials, nanoseconds); !percentiles.is_null()) {
    row["percentiles"] = std::move(percentiles);
  }
  if (Json quantities = TRY(FiguresOf(trials)); !quantities.empty()) {
    row["quantities"] = std::move(quantities);
  }
  return row;
}

Json BrokenRow(const std::string& id, const std::string& what, const Error& error) {
  return {{"name", id},
          {"what", what},
          {"status", error.unsupported ? "unsupported" : "error"},
          {"reason", error.ToString()}};
}

}  // namespace nodeproof::bench
