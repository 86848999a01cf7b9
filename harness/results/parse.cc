// Reading results: each function below reads one object of results.schema.json.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "harness/results/object.h"
#include "harness/results/results.h"

namespace nodeproof::results {
namespace {

Result<Expectation> ReadExpectation(const Object& object) {
  TRY(object.NoFieldsBut({"value", "relation", "tolerance", "unit"}));
  Expectation expected;
  expected.value = TRY(object.Number("value"));
  expected.relation = TRY(object.Named("relation", ParseRelation));
  expected.tolerance = TRY(object.NonNegative("tolerance"));
  expected.unit = TRY(object.Text("unit"));
  return expected;
}

Result<Measurement> ReadMeasurement(const Object& object) {
  TRY(object.NoFieldsBut({"estimate", "low", "high", "samples"}));
  Measurement measured;
  measured.estimate = TRY(object.Number("estimate"));
  measured.low = TRY(object.Number("low"));
  measured.high = TRY(object.Number("high"));
  if (measured.low > measured.high) {
    return Fail("{}: {} is above \"high\" {}", object.PathOf("low"), measured.low, measured.high);
  }
  const Json& samples = *TRY(object.Need("samples"));
  const std::string path = object.PathOf("samples");
  if (!samples.is_array()) return Fail("{}: not an array", path);
  measured.samples.reserve(samples.size());
  for (const Json& sample : samples) {
    if (!sample.is_number() || !std::isfinite(sample.get<double>())) {
      return Fail("{}[{}]: not a finite number", path, measured.samples.size());
    }
    measured.samples.push_back(sample.get<double>());
  }
  return measured;
}

// The fields of a check, which stand in the arm itself for the deciding one.
Result<Check> ReadCheckFields(const Object& object, const char* name_field) {
  Check check;
  check.name = TRY(object.Text(name_field));
  check.expected = TRY(ReadExpectation(TRY(object.Sub("expected"))));
  check.measured = TRY(ReadMeasurement(TRY(object.Sub("measured"))));
  check.finding = TRY(object.Named("finding", ParseFinding));
  return check;
}

Result<Check> ReadCheck(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"name", "expected", "measured", "finding"}));
  return ReadCheckFields(object, "name");
}

Result<LoadProof> ReadLoad(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"name", "unit", "required", "done"}));
  LoadProof load;
  load.name = TRY(object.Text("name"));
  load.unit = TRY(object.Text("unit"));
  load.required = TRY(object.Number("required"));
  load.done = TRY(object.Number("done"));
  return load;
}

Result<TreeEntry> ReadTreeEntry(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"path", "knobs"}));
  TreeEntry entry;
  entry.path = TRY(object.Text("path"));
  const Object knobs = TRY(object.Sub("knobs"));
  for (const auto& item : knobs.json().items()) {
    const std::string quoted = Quoted(item.key());
    entry.knobs[item.key()] = TRY(Object::TextOf(item.value(), knobs.PathOf(quoted)));
  }
  return entry;
}

Result<Series> ReadSeries(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"group", "quantity", "unit", "points"}));
  Series series{
      TRY(object.Text("group")), TRY(object.Text("quantity")), TRY(object.Text("unit")), {}};
  const Json& points = *TRY(object.Need("points"));
  const std::string where = object.PathOf("points");
  if (!points.is_array()) return Fail("{}: not an array", where);
  series.points.reserve(points.size());
  for (const Json& point : points) {
    const bool pair = point.is_array() && point.size() == 2 && point[0].is_number() &&
                      point[1].is_number() && std::isfinite(point[0].get<double>()) &&
                      std::isfinite(point[1].get<double>());
    if (!pair) return Fail("{}[{}]: not [time, value]", where, series.points.size());
    series.points.push_back({point[0].get<double>(), point[1].get<double>()});
  }
  return series;
}

Result<Evidence> ReadEvidence(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"title", "text"}));
  return Evidence{TRY(object.Text("title")), TRY(object.Text("text"))};
}

Result<Arm> ReadArm(const Object& object) {
  TRY(object.NoFieldsBut({"description", "quantity", "expected", "measured", "finding", "checks",
                          "load", "tree", "series", "notes", "duration_s"}));
  Arm arm;
  arm.description = TRY(object.Text("description"));
  const bool decided = object.Find("quantity") || object.Find("expected") ||
                       object.Find("measured") || object.Find("finding");
  if (decided) arm.checks.push_back(TRY(ReadCheckFields(object, "quantity")));
  std::vector<Check> further = TRY(object.Each<Check>("checks", ReadCheck));
  if (!decided && !further.empty()) return Fail("{}: missing", object.PathOf("quantity"));
  std::ranges::move(further, std::back_inserter(arm.checks));
  arm.load = TRY(object.Each<LoadProof>("load", ReadLoad));
  arm.tree = TRY(object.Each<TreeEntry>("tree", ReadTreeEntry));
  if (object.Find("series")) arm.series = TRY(object.Each<Series>("series", ReadSeries));
  arm.notes = TRY(object.Texts("notes"));
  arm.duration_s = TRY(object.NonNegative("duration_s"));
  return arm;
}

// A claim's id is typed on command lines and becomes a test's name in every report.
bool IsClaimId(std::string_view id) {
  const auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  constexpr size_t kMaxId = 200;
  if (id.empty() || id.size() > kMaxId || !letter_or_digit(id.front())) return false;
  return std::ranges::all_of(
      id, [&](char c) { return letter_or_digit(c) || std::string_view("._-/:=+,").contains(c); });
}

Result<Claim> ReadClaim(const Json& json, std::string path) {
  const Object object = TRY(Object::At(json, std::move(path)));
  TRY(object.NoFieldsBut({"id", "statement", "source", "verdict", "reason", "iteration", "arms",
                          "shape", "no_control_reason", "known", "evidence", "duration_s"}));
  Claim claim;
  claim.id = TRY(object.Text("id"));
  if (!IsClaimId(claim.id)) {
    return Fail("{}: {} is no claim id such as cpu.weight.siblings", object.PathOf("id"),
                Quoted(claim.id));
  }
  claim.statement = TRY(object.Text("statement"));
  claim.source = TRY(object.Text("source"));
  claim.verdict = TRY(object.Named("verdict", ParseVerdict));
  claim.reason = TRY(object.Text("reason"));
  if (claim.reason.empty() && claim.verdict != Verdict::kHolds) {
    return Fail("{}: empty, but the verdict is {}", object.PathOf("reason"),
                ToString(claim.verdict));
  }
  claim.iteration =
      static_cast<int>(TRY(object.Whole("iteration", 1, std::numeric_limits<int>::max())));
  const Object arms = TRY(object.Sub("arms"));
  TRY(arms.NoFieldsBut({"protected", "control"}));
  if (arms.Find("protected")) claim.protected_arm = TRY(ReadArm(TRY(arms.Sub("protected"))));
  if (arms.Find("control")) claim.control_arm = TRY(ReadArm(TRY(arms.Sub("control"))));
  if (object.Find("shape")) claim.shape = TRY(object.NonEmptyText("shape"));
  if (object.Find("no_control_reason")) {
    claim.no_control_reason = TRY(object.NonEmptyText("no_control_reason"));
  }
  if (object.Find("known")) {
    const Object known = TRY(object.Sub("known"));
    TRY(known.NoFieldsBut({"evidence", "reference"}));
    claim.known = KnownViolation{TRY(known.Text("evidence")), TRY(known.Text("reference"))};
  }
  if (object.Find("evidence")) {
    claim.evidence = TRY(object.Each<Evidence>("evidence", ReadEvidence));
  }
  claim.duration_s = TRY(object.NonNegative("duration_s"));
  return claim;
}

Result<Run> ReadRun(const Object& object) {
  TRY(object.NoFieldsBut({"id", "started", "duration_s", "seed", "argv", "version", "lane",
                          "repeat", "control", "complete", "notes"}));
  Run run;
  run.id = TRY(object.Text("id"));
  run.started = TRY(object.Text("started"));
  run.duration_s = TRY(object.NonNegative("duration_s"));
  run.seed = TRY(object.Whole("seed", 0, std::numeric_limits<uint64_t>::max()));
  run.argv = TRY(object.Texts("argv"));
  run.version = TRY(object.Text("version"));
  run.lane = TRY(object.Text("lane"));
  run.repeat = static_cast<int>(TRY(object.Whole("repeat", 1, std::numeric_limits<int>::max())));
  run.control = TRY(object.Boolean("control"));
  run.complete = TRY(object.Boolean("complete"));
  run.notes = TRY(object.Texts("notes"));
  return run;
}

// Refuses what is no results document of this version, before any field is looked at.
Status CheckSchema(const Json& json) {
  const auto fail = [](std::string message, std::string hint) {
    return std::unexpected(WithHint(Error{std::move(message), "", 0}, std::move(hint)));
  };
  const auto schema = json.is_object() ? json.find("schema") : json.end();
  if (!json.is_object() || schema == json.end() || !schema->is_string()) {
    return fail("not a nodeproof results document: no \"schema\" field",
                "give the results.json of a --out directory");
  }
  const auto& found = schema->get_ref<const std::string&>();
  if (found == kSchema) return {};
  if (found.starts_with("nodeproof.results/")) {
    return fail(fmt::format("schema: {}, but this nodeproof reads \"{}\"", Quoted(found), kSchema),
                "use the nodeproof that wrote it, or repeat the run");
  }
  return fail(fmt::format("not a nodeproof results document: its schema is {}", Quoted(found)),
              "give the results.json of a --out directory");
}

}  // namespace

Result<Claim> ParseClaim(const Json& json) { return ReadClaim(json, ""); }

Result<Results> ParseDocument(const Json& json) {
  TRY(CheckSchema(json));
  const Object object = TRY(Object::At(json, ""));
  TRY(object.NoFieldsBut({"schema", "run", "node", "claims", "benchmarks"}));
  Results results;
  results.run = TRY(ReadRun(TRY(object.Sub("run"))));
  results.node = TRY(object.Sub("node")).json();
  results.claims = TRY(object.Each<Claim>("claims", ReadClaim));
  const auto row = [](const Json& value, std::string path) -> Result<Json> {
    return TRY(Object::At(value, std::move(path))).json();
  };
  const std::vector<Json> rows = TRY(object.Each<Json>("benchmarks", row));
  results.benchmarks = rows;
  return results;
}

Result<Results> ParseResults(std::string_view text, const std::string& name) {
  const Json json = TRY(ParseJson(text, name));
  auto results = ParseDocument(json);
  if (!results) {
    Error error = std::move(results).error();
    error.message = fmt::format("{}: {}", name, error.message);
    return std::unexpected(std::move(error));
  }
  return results;
}

}  // namespace nodeproof::results
