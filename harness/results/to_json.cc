#include <utility>

#include "harness/base/utf8.h"
#include "harness/results/results.h"

namespace nodeproof::results {
namespace {

Json ToJson(const Expectation& expected) {
  return {{"value", expected.value},
          {"relation", ToString(expected.relation)},
          {"tolerance", expected.tolerance},
          {"unit", ToValidUtf8(expected.unit)}};
}

Json ToJson(const Measurement& measured) {
  return {{"estimate", measured.estimate},
          {"low", measured.low},
          {"high", measured.high},
          {"samples", measured.samples}};
}

Json Strings(const std::vector<std::string>& strings) {
  Json list = Json::array();
  for (const std::string& text : strings) list.push_back(ToValidUtf8(text));
  return list;
}

// A check's fields, its name under `name_field`: "quantity" for an arm's deciding check.
void PutCheck(const Check& check, const char* name_field, Json& object) {
  object[name_field] = ToValidUtf8(check.name);
  object["expected"] = ToJson(check.expected);
  object["measured"] = ToJson(check.measured);
  object["finding"] = ToString(check.finding);
}

Json ToJson(const LoadProof& load) {
  return {{"name", ToValidUtf8(load.name)},
          {"unit", ToValidUtf8(load.unit)},
          {"required", load.required},
          {"done", load.done}};
}

Json ToJson(const TreeEntry& entry) {
  Json knobs = Json::object();
  for (const auto& [file, value] : entry.knobs) knobs[ToValidUtf8(file)] = ToValidUtf8(value);
  return {{"path", ToValidUtf8(entry.path)}, {"knobs", std::move(knobs)}};
}

Json ToJson(const Series& series) {
  Json points = Json::array();
  for (const auto& [time_s, value] : series.points) points.push_back({time_s, value});
  return {{"group", ToValidUtf8(series.group)},
          {"quantity", ToValidUtf8(series.quantity)},
          {"unit", ToValidUtf8(series.unit)},
          {"points", std::move(points)}};
}

Json ToJson(const Evidence& evidence) {
  return {{"title", ToValidUtf8(evidence.title)}, {"text", ToValidUtf8(evidence.text)}};
}

template <typename T>
Json List(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(ToJson(item));
  return list;
}

Json ToJson(const Arm& arm) {
  Json json = {{"description", ToValidUtf8(arm.description)},
               {"load", List(arm.load)},
               {"tree", List(arm.tree)},
               {"notes", Strings(arm.notes)},
               {"duration_s", arm.duration_s}};
  Json further = Json::array();
  for (size_t i = 0; i < arm.checks.size(); ++i) {
    if (i == 0) {
      PutCheck(arm.checks[i], "quantity", json);
    } else {
      PutCheck(arm.checks[i], "name", further.emplace_back(Json::object()));
    }
  }
  json["checks"] = std::move(further);
  if (!arm.series.empty()) json["series"] = List(arm.series);
  return json;
}

Json ClaimJson(const Claim& claim) {
  Json arms = Json::object();
  if (claim.protected_arm) arms["protected"] = ToJson(*claim.protected_arm);
  if (claim.control_arm) arms["control"] = ToJson(*claim.control_arm);
  Json json = {{"id", ToValidUtf8(claim.id)},
               {"statement", ToValidUtf8(claim.statement)},
               {"source", ToValidUtf8(claim.source)},
               {"verdict", ToString(claim.verdict)},
               {"reason", ToValidUtf8(claim.reason)},
               {"iteration", claim.iteration},
               {"arms", std::move(arms)},
               {"duration_s", claim.duration_s}};
  if (!claim.shape.empty()) json["shape"] = ToValidUtf8(claim.shape);
  if (!claim.no_control_reason.empty()) {
    json["no_control_reason"] = ToValidUtf8(claim.no_control_reason);
  }
  if (!claim.evidence.empty()) json["evidence"] = List(claim.evidence);
  if (claim.known) {
    json["known"] = {{"evidence", ToValidUtf8(claim.known->evidence)},
                     {"reference", ToValidUtf8(claim.known->reference)}};
  }
  return json;
}

Json ToJson(const Run& run) {
  return {{"id", ToValidUtf8(run.id)},     {"started", ToValidUtf8(run.started)},
          {"duration_s", run.duration_s},  {"seed", run.seed},
          {"argv", Strings(run.argv)},     {"version", ToValidUtf8(run.version)},
          {"lane", ToValidUtf8(run.lane)}, {"repeat", run.repeat},
          {"control", run.control},        {"complete", run.complete},
          {"notes", Strings(run.notes)}};
}

}  // namespace

Result<Json> ToJson(const Claim& claim) {
  Json json = ClaimJson(claim);
  if (const auto readable = ParseClaim(json); !readable) {
    return Fail("claim {}: {}", Quoted(claim.id), readable.error().message);
  }
  return json;
}

Result<Json> ToJson(const Results& results) {
  Json claims = Json::array();
  for (const Claim& claim : results.claims) claims.push_back(TRY(ToJson(claim)));
  Json json = {{"schema", kSchema},
               {"run", ToJson(results.run)},
               {"node", results.node},
               {"claims", Json::array()},
               {"benchmarks", results.benchmarks}};
  if (const auto readable = ParseDocument(json); !readable) {
    return Fail("results: {}", readable.error().message);
  }
  json["claims"] = std::move(claims);
  return json;
}

Result<std::string> Serialize(const Results& results) {
  const Json json = TRY(ToJson(results));
  std::string text = TRY(DumpJson(json, 1));
  text.push_back('\n');
  return text;
}

}  // namespace nodeproof::results
