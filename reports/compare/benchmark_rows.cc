#include "reports/compare/benchmark_rows.h"

#include <cmath>
#include <map>

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;

double NanosecondsIn(const Json& row) {
  const auto at = row.find("time_unit");
  if (at == row.end() || !at->is_string()) return 1;
  const auto& unit = at->get_ref<const std::string&>();
  if (unit == "us") return 1e3;
  if (unit == "ms") return 1e6;
  if (unit == "s") return 1e9;
  return 1;
}

std::string TextAt(const Json& row, const char* field) {
  const auto at = row.find(field);
  return at != row.end() && at->is_string() ? at->get<std::string>() : "";
}

void AddTime(const Json& value, const std::string& name, double unit, bool higher,
             std::vector<Check>& checks) {
  if (!value.is_number()) return;
  const double time = value.get<double>() * unit;
  if (!std::isfinite(time)) return;
  Check& check = checks.emplace_back();
  check.name = name;
  check.expected.relation = higher ? results::Relation::kAtLeast : results::Relation::kAtMost;
  check.expected.unit = "nsec";
  check.measured = {time, time, time, {time}};
}

void AddSamples(const Json& row, double unit, Check& check) {
  const auto at = row.find("samples");
  if (at == row.end() || !at->is_array()) return;
  std::vector<double> samples;
  for (const Json& sample : *at) {
    if (!sample.is_number() || !std::isfinite(sample.get<double>() * unit)) return;
    samples.push_back(sample.get<double>() * unit);
  }
  if (samples.size() >= 2) check.measured.samples = std::move(samples);
}

double NumberAt(const Json& object, const char* field, double otherwise) {
  const auto at = object.find(field);
  return at != object.end() && at->is_number() ? at->get<double>() : otherwise;
}

// {"value", "low", "high", "samples", "unit", "better"}: with its own interval and direction.
void AddQuantity(const std::string& name, const Json& quantity, std::vector<Check>& checks) {
  if (!quantity.is_object()) return;
  const double value = NumberAt(quantity, "value", std::nan(""));
  const double low = NumberAt(quantity, "low", value);
  const double high = NumberAt(quantity, "high", value);
  if (!std::isfinite(value) || !std::isfinite(low) || !std::isfinite(high) || low > high) return;
  Check& check = checks.emplace_back();
  check.name = name;
  check.expected.relation = TextAt(quantity, "better") == "higher" ? results::Relation::kAtLeast
                                                                   : results::Relation::kAtMost;
  check.expected.unit = TextAt(quantity, "unit");
  check.measured = {value, low, high, {value}};
  AddSamples(quantity, 1, check);
}

std::vector<Check> ChecksOf(const Json& row) {
  const double unit = NanosecondsIn(row);
  const bool higher = TextAt(row, "better") == "higher";
  std::vector<Check> checks;
  if (const auto at = row.find("real_time"); at != row.end()) {
    AddTime(*at, "real time", unit, higher, checks);
    if (!checks.empty()) AddSamples(row, unit, checks.back());
  }
  if (const auto at = row.find("cpu_time"); at != row.end()) {
    AddTime(*at, "CPU time", unit, higher, checks);
  }
  if (const auto at = row.find("percentiles"); at != row.end() && at->is_object()) {
    for (const auto& item : at->items()) AddTime(item.value(), item.key(), unit, higher, checks);
  }
  if (const auto at = row.find("quantities"); at != row.end() && at->is_object()) {
    for (const auto& item : at->items()) AddQuantity(item.key(), item.value(), checks);
  }
  return checks;
}

}  // namespace

std::vector<Claim> BenchmarksAsClaims(const Json& rows) {
  std::vector<Claim> claims;
  std::map<std::string, int> repetitions;
  if (!rows.is_array()) return claims;
  for (const Json& row : rows) {
    if (!row.is_object() || TextAt(row, "run_type") == "aggregate") continue;
    Claim claim;
    claim.id = TextAt(row, "name");
    if (claim.id.empty()) continue;
    claim.iteration = ++repetitions[claim.id];
    const std::string status = TextAt(row, "status");
    if (status == "unsupported" || status == "error") {
      claim.verdict = status == "error" ? results::Verdict::kError : results::Verdict::kUnsupported;
      claim.reason = TextAt(row, "reason");
    } else {
      claim.verdict = results::Verdict::kHolds;
      claim.protected_arm.emplace();
      claim.protected_arm->checks = ChecksOf(row);
    }
    claims.push_back(std::move(claim));
  }
  return claims;
}

}  // namespace nodeproof::reports
