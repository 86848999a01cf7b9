#include "reports/judge/profile.h"

#include <cmath>
#include <cstdlib>

#include "harness/results/object.h"

namespace nodeproof::reports {
namespace {

using results::Object;

Result<std::optional<double>> ReadBound(const Object& object, const char* field) {
  if (object.Find(field) == nullptr) return std::nullopt;
  return TRY(object.Number(field));
}

Result<std::vector<results::Verdict>> ReadVerdicts(const Object& object) {
  std::vector<results::Verdict> verdicts;
  for (const std::string& text : TRY(object.Texts("verdicts"))) {
    const auto verdict = results::ParseVerdict(text);
    if (!verdict) return Fail("{}: {}", object.PathOf("verdicts"), verdict.error().message);
    verdicts.push_back(*verdict);
  }
  if (verdicts.empty()) return Fail("{}: empty", object.PathOf("verdicts"));
  return verdicts;
}

Status ReadMetric(const Object& object, Rule& rule) {
  if (object.Find("quantity") != nullptr) rule.quantity = TRY(object.NonEmptyText("quantity"));
  if (object.Find("statistic") != nullptr) {
    const auto statistic = ParseStatistic(TRY(object.Text("statistic")));
    if (!statistic) {
      return Fail("{}: {}", object.PathOf("statistic"), statistic.error().message);
    }
    rule.statistic = *statistic;
  }
  rule.at_least = TRY(ReadBound(object, "at_least"));
  rule.at_most = TRY(ReadBound(object, "at_most"));
  rule.of_tolerance = TRY(ReadBound(object, "of_tolerance"));
  const bool bounded = rule.at_least || rule.at_most;
  if (bounded) rule.unit = TRY(object.Text("unit"));
  if (rule.at_least && rule.at_most && *rule.at_least > *rule.at_most) {
    return Fail("{}: above \"at_most\"", object.PathOf("at_least"));
  }
  if (rule.of_tolerance && (*rule.of_tolerance <= 0 || bounded)) {
    return Fail("{}: a positive factor, in place of bounds", object.PathOf("of_tolerance"));
  }
  if (!bounded && !rule.of_tolerance) {
    return Fail("{}: missing, and so are at_least, at_most and of_tolerance: what is demanded?",
                object.PathOf("verdicts"));
  }
  return {};
}

Result<Rule> ReadRule(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"name", "why", "claims", "benchmarks", "required", "verdicts", "quantity",
                          "statistic", "unit", "at_least", "at_most", "of_tolerance"}));
  Rule rule;
  rule.name = TRY(object.NonEmptyText("name"));
  rule.why = TRY(object.NonEmptyText("why"));
  if (object.Find("claims") != nullptr) rule.claims = TRY(object.NonEmptyText("claims"));
  if (object.Find("benchmarks") != nullptr) {
    rule.benchmarks = TRY(object.NonEmptyText("benchmarks"));
  }
  if (rule.claims.empty() == rule.benchmarks.empty()) {
    return Fail("{}: give this or \"benchmarks\"", object.PathOf("claims"));
  }
  if (object.Find("required") != nullptr) rule.required = TRY(object.Boolean("required"));
  if (object.Find("verdicts") == nullptr) {
    TRY(ReadMetric(object, rule));
    if (rule.of_tolerance && rule.claims.empty()) {
      return Fail("{}: benchmarks have no tolerance", object.PathOf("of_tolerance"));
    }
    return rule;
  }
  rule.verdicts = TRY(ReadVerdicts(object));
  if (rule.claims.empty()) {
    return Fail("{}: benchmarks have no verdicts", object.PathOf("verdicts"));
  }
  for (const char* metric :
       {"quantity", "statistic", "unit", "at_least", "at_most", "of_tolerance"}) {
    if (object.Find(metric) != nullptr) {
      return Fail("{}: not beside \"verdicts\"; make it a rule of its own", object.PathOf(metric));
    }
  }
  return rule;
}

}  // namespace

Result<Statistic> ParseStatistic(std::string_view text) {
  if (text == "mean") return Statistic{};
  if (text == "min") return Statistic{Statistic::Kind::kLeast, 0};
  if (text == "max") return Statistic{Statistic::Kind::kGreatest, 0};
  if (text.starts_with('p') && text.size() > 1 && text.size() < 12 &&
      text.find_first_not_of("0123456789.", 1) == std::string_view::npos) {
    const std::string digits(text.substr(1));
    char* end = nullptr;
    const double percent = std::strtod(digits.c_str(), &end);
    if (*end == '\0' && percent > 0 && percent < 100) {
      return Statistic{Statistic::Kind::kPercentile, percent};
    }
  }
  return Fail("{} is none of mean, min, max, p50, p99, p99.9, …", Quoted(text));
}

std::string ToString(const Statistic& statistic) {
  switch (statistic.kind) {
    case Statistic::Kind::kMean:
      return "mean";
    case Statistic::Kind::kLeast:
      return "min";
    case Statistic::Kind::kGreatest:
      return "max";
    case Statistic::Kind::kPercentile:
      return fmt::format("p{}", statistic.percent);
  }
  return "unknown";
}

Result<Profile> ParseProfile(std::string_view text, const std::string& name) {
  return results::ReadDocument(
      text, name, kProfileSchema, [](const Object& object) -> Result<Profile> {
        TRY(object.NoFieldsBut({"schema", "name", "description", "rules"}));
        Profile profile;
        profile.name = TRY(object.NonEmptyText("name"));
        profile.description = TRY(object.Text("description"));
        profile.rules = TRY(object.Each<Rule>("rules", ReadRule));
        if (profile.rules.empty()) return Fail("rules: empty, so every node would pass");
        return profile;
      });
}

}  // namespace nodeproof::reports
