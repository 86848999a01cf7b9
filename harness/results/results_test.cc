#include "harness/results/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace nodeproof::results {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Check ShareOfB(double estimate) {
  return {"share of B by usage_usec",
          {0.7, Relation::kWithin, 0.02, "ratio"},
          {estimate, estimate - 0.004, estimate + 0.004, {0.699, 0.1 + 0.2, 0.703}},
          Finding::kInside};
}

Claim FullClaim() {
  Claim claim;
  claim.id = "cpu.weight.siblings";
  claim.statement = "Two saturated siblings on one CPU share it in proportion to cpu.weight.";
  claim.source = "Documentation/admin-guide/cgroup-v2.rst, \"cpu.weight\"";
  claim.verdict = Verdict::kViolated;
  claim.reason = "share of B is 0.50";
  claim.iteration = 3;
  claim.shape = "two-numa";
  Arm arm;
  arm.description = "weights 30 and 70";
  arm.checks = {ShareOfB(0.7005), ShareOfB(0.701)};
  arm.checks[1].name = "share of B by work done";
  arm.load = {{"hog A", "usec", 1e6, 1.2e6}};
  arm.tree = {{"", {}}, {"kubepods.slice", {{"cpu.weight", "137"}}}};
  arm.notes = {"2 windows discarded"};
  arm.duration_s = 4.25;
  claim.protected_arm = arm;
  claim.control_arm = arm;
  claim.known = KnownViolation{"6.12 with MGLRU", "https://example.org"};
  claim.duration_s = 9.5;
  return claim;
}

Results FullResults() {
  Results results;
  results.run.id = "20261121-195500-1234";
  results.run.started = "2026-11-21T19:55:00Z";
  results.run.duration_s = 12.5;
  results.run.seed = std::numeric_limits<uint64_t>::max();
  results.run.argv = {"nodeproof", "run"};
  results.run.version = "0.1.0";
  results.run.lane = "realtime";
  results.run.complete = true;
  results.node = {{"kind", "vm"}};
  results.claims = {FullClaim()};
  results.benchmarks = Json::array({{{"name", "BM_Fork"}, {"real_time", 1.5}}});
  return results;
}

std::string ErrorOf(const std::string& text) {
  const auto parsed = ParseResults(text, "r.json");
  return parsed ? "parsed" : parsed.error().message;
}

// The error that a claim gives after `change` of its JSON.
template <typename Change>
std::string ErrorAfter(Change change) {
  Json json = ToJson(FullClaim()).value();
  change(json);
  const auto parsed = ParseClaim(json);
  return parsed ? "parsed" : parsed.error().message;
}

TEST(ToJson, PutsTheDecidingCheckIntoTheArm) {
  const Json json = ToJson(FullClaim()).value();
  const Json& arm = json.at("arms").at("protected");
  EXPECT_EQ(arm.at("quantity"), "share of B by usage_usec");
  EXPECT_EQ(arm.at("expected").at("relation"), "within");
  EXPECT_EQ(arm.at("measured").at("samples").size(), 3u);
  EXPECT_EQ(arm.at("finding"), "inside");
  ASSERT_EQ(arm.at("checks").size(), 1u);
  EXPECT_EQ(arm.at("checks")[0].at("name"), "share of B by work done");
  EXPECT_EQ(arm.at("tree")[1].at("knobs").at("cpu.weight"), "137");
}

TEST(ToJson, LeavesOutWhatIsNotThere) {
  Claim claim = FullClaim();
  claim.control_arm.reset();
  claim.known.reset();
  claim.shape.clear();
  claim.no_control_reason = "nothing to take away";
  claim.protected_arm->checks.clear();
  const Json json = ToJson(claim).value();
  EXPECT_FALSE(json.contains("known"));
  EXPECT_FALSE(json.contains("shape"));
  EXPECT_FALSE(json.at("arms").contains("control"));
  EXPECT_FALSE(json.at("arms").at("protected").contains("quantity"));
  EXPECT_EQ(json.at("no_control_reason"), "nothing to take away");
  EXPECT_TRUE(ParseClaim(json).value().protected_arm->checks.empty());
}

TEST(Results, ReadBackTheSame) {
  const std::string text = Serialize(FullResults()).value();
  const auto back = ParseResults(text, "r.json");
  ASSERT_TRUE(back) << back.error().ToString();
  EXPECT_EQ(Serialize(*back).value(), text);
  EXPECT_EQ(back->run.seed, std::numeric_limits<uint64_t>::max());
  const Check& check = back->claims.at(0).control_arm->checks.at(1);
  EXPECT_EQ(check.measured.samples.at(1), 0.1 + 0.2) << "not 0.3";
  EXPECT_EQ(back->claims.at(0).known->evidence, "6.12 with MGLRU");
  EXPECT_EQ(back->claims.at(0).shape, "two-numa");
}

TEST(ToJson, RefusesNumbersThatAreNotFinite) {
  Claim claim = FullClaim();
  claim.control_arm->checks[0].measured.low = std::numeric_limits<double>::quiet_NaN();
  const auto json = ToJson(claim);
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().message,
            "claim \"cpu.weight.siblings\": arms.control.measured.low: not a finite number");
  Results results = FullResults();
  results.node["steal"] = std::numeric_limits<double>::infinity();
  const auto text = Serialize(results);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message, "node.steal: not a finite number");
}

TEST(ToJson, ReplacesInvalidUtf8) {
  Claim claim = FullClaim();
  claim.reason = "pod \xff";
  EXPECT_EQ(ToJson(claim).value().at("reason"), "pod \xEF\xBF\xBD");
}

TEST(ParseClaim, NamesTheFieldAtFault) {
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["verdict"] = "passed"; }),
            "verdict: \"passed\" is none of holds, violated, inconclusive, unsupported, error");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["reason"] = ""; }),
            "reason: empty, but the verdict is violated");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim.erase("source"); }), "source: missing");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["iteration"] = 0; }),
            "iteration: not a whole number from 1 to 2147483647");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["extra"] = 1; }),
            "document: unknown field \"extra\"");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["id"] = "<script>"; }),
            "id: \"<script>\" is no claim id such as cpu.weight.siblings");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["arms"]["protected"]["measured"]["low"] = 9; }),
            "arms.protected.measured.low: 9 is above \"high\" 0.7045");
  EXPECT_EQ(
      ErrorAfter([](Json& claim) { claim["arms"]["control"]["tree"][1]["knobs"]["a\n"] = 1; }),
      "arms.control.tree[1].knobs.\"a\\u000a\": not a string");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["arms"]["control"].erase("quantity"); }),
            "arms.control.quantity: missing");
  EXPECT_EQ(ErrorAfter([](Json& claim) { claim["duration_s"] = -1; }),
            "duration_s: -1 is negative");
}

TEST(ParseResults, RefusesForeignOldAndBrokenDocuments) {
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("not a nodeproof results document: no \"schema\" field"));
  EXPECT_THAT(ErrorOf(R"({"benchmarks": []})"), HasSubstr("no \"schema\" field"));
  EXPECT_THAT(ErrorOf(R"({"schema": "junit\u001b[2J"})"), HasSubstr(R"("junit\u001b[2J")"));
  const auto old = ParseResults(R"({"schema": "nodeproof.results/0"})", "old.json");
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().message,
            "old.json: schema: \"nodeproof.results/0\", but this nodeproof reads "
            "\"nodeproof.results/1\"");
  EXPECT_FALSE(old.error().hint.empty());
  EXPECT_EQ(ErrorOf(R"({"schema": "nodeproof.results/1"})"), "r.json: run: missing");
}

// Whatever prefix of a document is left, the answer is one line that names the file.
TEST(ParseResults, SaysThatAFileIsCutShort) {
  const std::string text = Serialize(FullResults()).value();
  for (size_t size = 0; size + 3 < text.size(); size += 7) {
    const std::string error = ErrorOf(text.substr(0, size));
    EXPECT_THAT(error, StartsWith("r.json: ")) << size;
    EXPECT_EQ(error.find('\n'), std::string::npos) << size;
  }
  EXPECT_THAT(ErrorOf(text.substr(0, text.size() / 2)), HasSubstr("cut short after"));
}

// Every single value replaced by one of another kind is refused, or read without harm.
TEST(ParseResults, SurvivesAnyValueInAnyPlace) {
  const Json document = Json::parse(Serialize(FullResults()).value());
  const Json flat = document.flatten();
  int refused = 0;
  for (const auto& place : flat.items()) {
    for (const Json& value :
         {Json(nullptr), Json(-1e300), Json("x"), Json::array(), Json::object()}) {
      Json changed = document;
      changed[Json::json_pointer(place.key())] = value;
      const auto parsed = ParseResults(changed.dump(), "r.json");
      if (parsed) {
        EXPECT_TRUE(Serialize(*parsed)) << place.key();
      } else {
        ++refused;
        EXPECT_THAT(parsed.error().message, StartsWith("r.json: ")) << place.key();
      }
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(ExitStatus, FollowsTheWorstVerdict) {
  Results results;
  EXPECT_EQ(ExitStatus(results, false), 0);
  const auto add = [&](Verdict verdict) -> Claim& {
    results.claims.emplace_back().verdict = verdict;
    return results.claims.back();
  };
  add(Verdict::kHolds);
  add(Verdict::kUnsupported);
  EXPECT_EQ(ExitStatus(results, true), 0);
  add(Verdict::kViolated).known = KnownViolation{};
  EXPECT_EQ(ExitStatus(results, false), 0);
  EXPECT_EQ(ExitStatus(results, true), 1);
  add(Verdict::kInconclusive);
  EXPECT_EQ(ExitStatus(results, false), 3);
  results.claims.back().verdict = Verdict::kError;
  EXPECT_EQ(ExitStatus(results, false), 3);
  add(Verdict::kViolated);
  EXPECT_EQ(ExitStatus(results, false), 1);
}

TEST(Enumerators, ReadBackTheSame) {
  for (const auto verdict : {Verdict::kHolds, Verdict::kViolated, Verdict::kInconclusive,
                             Verdict::kUnsupported, Verdict::kError}) {
    EXPECT_EQ(ParseVerdict(ToString(verdict)).value(), verdict);
  }
  for (const auto relation : {Relation::kWithin, Relation::kAtMost, Relation::kAtLeast}) {
    EXPECT_EQ(ParseRelation(ToString(relation)).value(), relation);
  }
  for (const auto finding : {Finding::kInside, Finding::kOutside, Finding::kUnclear}) {
    EXPECT_EQ(ParseFinding(ToString(finding)).value(), finding);
  }
  EXPECT_FALSE(ParseFinding(""));
}

}  // namespace
}  // namespace nodeproof::results
