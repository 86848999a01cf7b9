// A comparison for programs: comparison.schema.json.
#include "harness/base/utf8.h"
#include "reports/compare/render.h"

namespace nodeproof::reports {
namespace {

Json FiguresJson(const results::Check& check, size_t observations) {
  return {{"estimate", check.measured.estimate}, {"low", check.measured.low},
          {"high", check.measured.high},         {"observations", observations},
          {"expected", check.expected.value},    {"tolerance", check.expected.tolerance}};
}

Json QuantityJson(const Quantity& quantity) {
  Json json = {{"name", ToValidUtf8(quantity.name)},
               {"unit", ToValidUtf8(quantity.a.expected.unit)},
               {"relation", ToString(quantity.a.expected.relation)},
               {"a", FiguresJson(quantity.a, quantity.observations_a)},
               {"b", FiguresJson(quantity.b, quantity.observations_b)},
               {"basis", ToString(quantity.basis)},
               {"effect",
                {{"estimate", quantity.effect.estimate},
                 {"low", quantity.effect.low},
                 {"high", quantity.effect.high}}},
               {"threshold", quantity.threshold},
               {"change", ToString(quantity.change)},
               {"suspect", quantity.suspect}};
  if (quantity.relative) json["relative"] = *quantity.relative;
  if (!quantity.note.empty()) json["note"] = ToValidUtf8(quantity.note);
  return json;
}

Json TallyJson(const Tally& tally) {
  Json counts = Json::object();
  for (const auto& [verdict, count] : tally.counts) counts[std::string(ToString(verdict))] = count;
  return {{"verdict", ToString(tally.Majority())},
          {"counts", std::move(counts)},
          {"reason", ToValidUtf8(tally.reason)}};
}

Json ClaimsJson(const std::vector<ClaimChange>& claims, bool verdicts) {
  Json list = Json::array();
  for (const ClaimChange& claim : claims) {
    Json json = {{"id", ToValidUtf8(claim.id)},
                 {"change", ToString(claim.Worst())},
                 {"suspect", claim.Suspect()},
                 {"quantities", Json::array()}};
    if (verdicts && claim.a) json["a"] = TallyJson(*claim.a);
    if (verdicts && claim.b) json["b"] = TallyJson(*claim.b);
    if (verdicts) json["verdict_change"] = ToString(claim.verdict);
    for (const Quantity& quantity : claim.quantities) {
      json["quantities"].push_back(QuantityJson(quantity));
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json SideJson(const SideFacts& side) {
  return {{"name", side.name},      {"file", side.file}, {"node", side.node},
          {"kernel", side.kernel},  {"lane", side.lane}, {"version", side.version},
          {"started", side.started}};
}

}  // namespace

Result<std::string> RenderCompareJson(const Comparison& comparison) {
  const Json json = {{"schema", kComparisonSchema},
                     {"a", SideJson(comparison.a)},
                     {"b", SideJson(comparison.b)},
                     {"threshold_percent", comparison.options.threshold_percent},
                     {"strict", comparison.options.strict},
                     {"noise_floor", !comparison.options.floor.empty()},
                     {"differences", comparison.differences},
                     {"notes", comparison.notes},
                     {"regressed", comparison.Regressed()},
                     {"undecided", comparison.Undecided()},
                     {"exit_status", comparison.ExitStatus()},
                     {"claims", ClaimsJson(comparison.claims, true)},
                     {"benchmarks", ClaimsJson(comparison.benchmarks, false)}};
  std::string text = TRY(DumpJson(json, 1));
  text.push_back('\n');
  return text;
}

}  // namespace nodeproof::reports
