#include "reports/judge/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "harness/base/file.h"
#include "reports/compare/compare_fixture.h"

namespace nodeproof::reports {
namespace {

using results::Relation;
using results::Results;
using results::Verdict;
using ::testing::HasSubstr;

Profile Made(const std::string& rule) {
  const auto profile = ParseProfile(
      fmt::format(R"({{"schema": "nodeproof.profile/1", "name": "test", "description": "",
                       "rules": [{{"name": "rule", "why": "because", {}}}]}})",
                  rule),
      "p.json");
  EXPECT_TRUE(profile) << profile.error().ToString();
  return profile.value_or(Profile{});
}

Outcome OutcomeFor(const Results& results, const std::string& rule, bool strict = false) {
  const Judgement judgement = Judge(results, Made(rule), strict);
  EXPECT_EQ(judgement.lines.size(), 1u);
  return judgement.lines.at(0).outcome;
}

Results Shares(double mean, double spread, size_t windows = 12) {
  return MadeRun(
      {MadeClaim("cpu.weight.pods", Verdict::kHolds, {Share(mean, spread, 1, windows)})});
}

TEST(Judge, BoundsTheMeanOfStoredSamples) {
  const std::string rule = R"("claims": "cpu.*", "unit": "ratio", "at_least": 0.69)";
  EXPECT_EQ(OutcomeFor(Shares(0.700, 0.002), rule), Outcome::kPass);
  EXPECT_EQ(OutcomeFor(Shares(0.680, 0.002), rule), Outcome::kFail);
  EXPECT_EQ(OutcomeFor(Shares(0.690, 0.05), rule), Outcome::kUnclear);
}

TEST(Judge, NarrowsAClaimsOwnBand) {
  EXPECT_EQ(OutcomeFor(Shares(0.712, 0.001), R"("claims": "cpu.*", "of_tolerance": 1)"),
            Outcome::kPass);
  EXPECT_EQ(OutcomeFor(Shares(0.712, 0.001), R"("claims": "cpu.*", "of_tolerance": 0.5)"),
            Outcome::kFail);
}

TEST(Judge, WantsEnoughSamplesForAPercentile) {
  const std::string rule =
      R"("claims": "cpu.*", "statistic": "p99", "unit": "ratio", "at_most": 0.71)";
  EXPECT_EQ(OutcomeFor(Shares(0.700, 0.002, 12), rule), Outcome::kUnclear);
  EXPECT_EQ(OutcomeFor(Shares(0.700, 0.002, 1200), rule), Outcome::kPass);
  EXPECT_EQ(OutcomeFor(Shares(0.720, 0.002, 12), rule), Outcome::kFail)
      << "even the least of 12 lies above";
  EXPECT_THAT(Judge(Shares(0.7, 0.002), Made(rule), false).lines[0].note,
              HasSubstr("12 samples are too few"));
}

TEST(Judge, ReadsVerdicts) {
  const std::string rule = R"("claims": "a.*", "verdicts": ["holds", "unsupported"])";
  const auto outcome = [&](Verdict verdict) {
    return OutcomeFor(MadeRun({MadeClaim("a.b", verdict, {})}), rule);
  };
  EXPECT_EQ(outcome(Verdict::kHolds), Outcome::kPass);
  EXPECT_EQ(outcome(Verdict::kUnsupported), Outcome::kPass);
  EXPECT_EQ(outcome(Verdict::kViolated), Outcome::kFail);
  EXPECT_EQ(outcome(Verdict::kInconclusive), Outcome::kUnclear);
  EXPECT_EQ(outcome(Verdict::kError), Outcome::kUnclear);
  Results known = MadeRun({MadeClaim("a.b", Verdict::kViolated, {})});
  known.claims[0].known = results::KnownViolation{"seen", "thread"};
  EXPECT_EQ(OutcomeFor(known, rule), Outcome::kPass);
  EXPECT_EQ(OutcomeFor(known, rule, /*strict=*/true), Outcome::kFail);
}

TEST(Judge, TellsWhatWasNotMeasured) {
  const std::string rule = R"("claims": "numa.*", "unit": "ratio", "at_most": 2)";
  EXPECT_EQ(OutcomeFor(Shares(0.7, 0.002), rule), Outcome::kNotMeasured);
  EXPECT_EQ(OutcomeFor(Shares(0.7, 0.002), rule + R"(, "required": true)"), Outcome::kUnclear);
  EXPECT_EQ(Judge(Shares(0.7, 0.002), Made(rule), false).ExitStatus(), 0);
}

// An arm may have two checks of one name, of two groups; they are two quantities.
TEST(Judge, KeepsChecksOfOneNameApart) {
  const Results results = MadeRun(
      {MadeClaim("a.b", Verdict::kHolds,
                 {Counted(90, Relation::kAtMost, 100), Counted(190, Relation::kAtMost, 200)})});
  const Judgement judgement = Judge(results, Made(R"("claims": "a.b", "of_tolerance": 1)"), false);
  ASSERT_EQ(judgement.lines.size(), 2u);
  EXPECT_EQ(judgement.lines[0].outcome, Outcome::kPass);
  EXPECT_EQ(judgement.lines[1].outcome, Outcome::kPass) << judgement.lines[1].found;
}

TEST(Judge, PassesNothingThatWasNotMeasured) {
  const std::string rule = R"("claims": "cpu.*", "unit": "ratio", "at_most": 1)";
  Results results = Shares(0.7, 0.002);
  EXPECT_EQ(OutcomeFor(results, rule), Outcome::kPass);
  results.claims[0].protected_arm->load = {{"hog A", "usec", 2e6, 5e5}};
  EXPECT_EQ(OutcomeFor(results, rule), Outcome::kUnclear);
  EXPECT_THAT(Judge(results, Made(rule), false).lines[0].note,
              HasSubstr("hog A reached 500 ms of 2 s"));
  results.claims[0].protected_arm->load.clear();
  results::Check& check = results.claims[0].protected_arm->checks[0];
  check.measured = {};
  check.finding = results::Finding::kUnclear;
  EXPECT_EQ(OutcomeFor(results, rule), Outcome::kUnclear);
  EXPECT_THAT(Judge(results, Made(rule), false).lines[0].note, HasSubstr("no usable window"));
}

TEST(Judge, LeavesOutARepetitionThatWasNotMeasured) {
  Results results = Shares(0.7, 0.002);
  results.claims.push_back(results.claims[0]);
  results.claims[1].iteration = 2;
  results.claims[1].protected_arm->checks[0].measured = {};
  results.claims[1].protected_arm->checks[0].finding = results::Finding::kUnclear;
  const Judgement judgement =
      Judge(results, Made(R"("claims": "cpu.*", "unit": "ratio", "at_least": 0.69)"), false);
  ASSERT_EQ(judgement.lines.size(), 1u);
  EXPECT_EQ(judgement.lines[0].outcome, Outcome::kPass);
  EXPECT_THAT(judgement.lines[0].note, HasSubstr("no usable window"));
}

TEST(Judge, DoesNotMixUnits) {
  EXPECT_EQ(OutcomeFor(Shares(0.7, 0.002), R"("claims": "cpu.*", "unit": "usec", "at_most": 9)"),
            Outcome::kUnclear);
}

TEST(Judge, BoundsBenchmarks) {
  Results results = MadeRun({});
  results.benchmarks = Json::array({{{"name", "wakeup/idle"},
                                     {"real_time", 50},
                                     {"time_unit", "us"},
                                     {"percentiles", {{"p99", 400}}}}});
  const std::string rule = R"("benchmarks": "wakeup*", "quantity": "p99", "unit": "nsec", )";
  EXPECT_EQ(OutcomeFor(results, rule + R"("at_most": 500000)"), Outcome::kPass);
  EXPECT_EQ(OutcomeFor(results, rule + R"("at_most": 300000)"), Outcome::kFail);
}

// Of many sets of samples with a known percentile, 99 % of the intervals must hold it.
TEST(QuantileInterval, CoversAsOftenAsItSays) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(0, 1);
  int missed = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> samples(200);
    for (double& sample : samples) sample = uniform(random);
    const auto measured = QuantileInterval(samples, 90);
    missed += measured.low > 0.9 || measured.high < 0.9 ? 1 : 0;
  }
  EXPECT_LT(missed, 30);
}

TEST(QuantileInterval, IsOpenWhereSamplesAreTooFew) {
  const auto measured = QuantileInterval({3, 1, 2}, 50);
  EXPECT_EQ(measured.estimate, 2);
  EXPECT_TRUE(std::isinf(measured.low));
  EXPECT_TRUE(std::isinf(measured.high));
}

TEST(ShippedProfiles, AreThoseInTheTreeAndJudgeRealResults) {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/mixed.json";
  const Results mixed = results::ParseResults(ReadFile(path).value(), path).value();
  for (const std::string& name : ShippedProfileNames()) {
    const auto profile = ShippedProfile(name);
    ASSERT_TRUE(profile) << name;
    EXPECT_EQ(profile->name, name);
    const Judgement judgement = Judge(mixed, *profile, false);
    EXPECT_EQ(judgement.ExitStatus(), 1) << "cpu.max.ceiling is violated there";
    for (const char* format : {"text", "markdown", "json"}) {
      EXPECT_THAT(Render(ParseJudgeFormat(format).value(), judgement).value(), HasSubstr(name));
    }
  }
  EXPECT_FALSE(ShippedProfile("none"));
}

TEST(Judge, KeepsHostileTextInert) {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/hostile.json";
  const Results hostile = results::ParseResults(ReadFile(path).value(), path).value();
  const Judgement judgement = Judge(hostile, *ShippedProfile("general"), false);
  for (const char* format : {"text", "markdown", "json"}) {
    const std::string text = Render(ParseJudgeFormat(format).value(), judgement).value();
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    if (std::string_view(format) == "markdown") {
      EXPECT_EQ(text.find("<script"), std::string::npos);
    }
  }
}

std::string ErrorOf(const std::string& rule) {
  const auto profile =
      ParseProfile(fmt::format(R"({{"schema": "nodeproof.profile/1", "name": "t", "description": "",
                       "rules": [{{"name": "r", "why": "w", {}}}]}})",
                               rule),
                   "p.json");
  return profile ? "parsed" : profile.error().message;
}

TEST(ParseProfile, NamesTheFieldAtFault) {
  EXPECT_THAT(ErrorOf(R"("claims": "*")"), HasSubstr("what is demanded?"));
  EXPECT_THAT(ErrorOf(R"("at_most": 1, "unit": "x")"), HasSubstr("rules[0].claims: give this or"));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "verdicts": ["passed"])"),
              HasSubstr("rules[0].verdicts: \"passed\" is none of"));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "at_most": 1)"), HasSubstr("rules[0].unit: missing"));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "unit": "", "at_most": 1, "at_least": 2)"),
              HasSubstr("above \"at_most\""));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "of_tolerance": 0)"), HasSubstr("positive"));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "statistic": "p100", "unit": "", "at_most": 1)"),
              HasSubstr("\"p100\" is none of mean"));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "verdicts": ["holds"], "at_most": 1)"),
              HasSubstr("not beside"));
  EXPECT_THAT(ErrorOf(R"("benchmarks": "*", "verdicts": ["holds"])"), HasSubstr("no verdicts"));
  EXPECT_THAT(ErrorOf(R"("claims": "*", "tolerance": 3)"), HasSubstr("unknown field"));
  EXPECT_THAT(ParseProfile(R"({"schema": "nodeproof.profile/1", "name": "t", "description": "",
                               "rules": []})",
                           "p.json")
                  .error()
                  .message,
              HasSubstr("every node would pass"));
}

}  // namespace
}  // namespace nodeproof::reports
