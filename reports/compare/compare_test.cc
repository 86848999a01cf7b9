#include "reports/compare/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/file.h"
#include "reports/compare/benchmark_rows.h"
#include "reports/compare/comparable.h"
#include "reports/compare/compare_fixture.h"
#include "reports/compare/compare_rows.h"
#include "reports/compare/noise_floor.h"
#include "reports/compare/render.h"
#include "reports/compare/settle.h"
#include "reports/golden.h"

namespace nodeproof::reports {
namespace {

using results::Check;
using results::Claim;
using results::Relation;
using results::Results;
using results::Verdict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Comparison CompareChecks(const Check& a, const Check& b, Verdict verdict_b = Verdict::kHolds) {
  return Compare(MadeRun({MadeClaim("cpu.weight.siblings", Verdict::kHolds, {a})}, "6.1.170"),
                 MadeRun({MadeClaim("cpu.weight.siblings", verdict_b, {b})}), {});
}

const Quantity& Only(const Comparison& comparison) {
  return comparison.claims.at(0).quantities.at(0);
}

TEST(Compare, CallsSmallChangesTheSame) {
  const Comparison comparison = CompareChecks(Share(0.700, 0.004, 1), Share(0.702, 0.004, 2));
  EXPECT_EQ(Only(comparison).change, Change::kSame);
  EXPECT_EQ(comparison.ExitStatus(), 0);
}

TEST(Compare, FindsAWithinThatMovedAwayEvenIfItStillHolds) {
  const Comparison comparison = CompareChecks(Share(0.700, 0.002, 1), Share(0.683, 0.002, 2));
  EXPECT_EQ(Only(comparison).change, Change::kWorse);
  EXPECT_NEAR(Only(comparison).effect.estimate, 0.017, 0.002);
  EXPECT_NEAR(*Only(comparison).relative, -0.017 / 0.7, 0.003);
  EXPECT_DOUBLE_EQ(Only(comparison).threshold, 0.01) << "half the tolerance";
  EXPECT_EQ(comparison.ExitStatus(), 1);
  EXPECT_THAT(RegressionLines(comparison),
              ElementsAre(HasSubstr("cpu.weight.siblings: holds; share of B by usage_usec −2.")));
}

TEST(Compare, ASmallShareMayMoveByATenthOfItsTolerance) {
  results::Check a = Share(0.0080, 0.0001, 1);
  results::Check b = Share(0.0073, 0.0001, 2);
  a.expected = b.expected = {0.0079, results::Relation::kWithin, 0.01, "ratio"};
  const Comparison comparison = CompareChecks(a, b);
  EXPECT_EQ(Only(comparison).change, Change::kSame);
  EXPECT_DOUBLE_EQ(Only(comparison).threshold, 0.001);
}

TEST(Compare, CallsAMoveTowardsThePromiseBetter) {
  EXPECT_EQ(Only(CompareChecks(Share(0.68, 0.002, 1), Share(0.70, 0.002, 2))).change,
            Change::kBetter);
}

TEST(Compare, MovingAcrossThePromiseIsNoChange) {
  EXPECT_EQ(Only(CompareChecks(Share(0.69, 0.002, 1), Share(0.71, 0.002, 2))).change,
            Change::kSame);
}

TEST(Compare, NeedsTheWholeIntervalOverTheThreshold) {
  const Comparison comparison = CompareChecks(Share(0.700, 0.04, 1), Share(0.675, 0.04, 2));
  EXPECT_EQ(Only(comparison).change, Change::kNoisy);
  EXPECT_TRUE(Only(comparison).suspect);
  EXPECT_EQ(comparison.ExitStatus(), 3) << "suspect";
  const Comparison quiet = CompareChecks(Share(0.700, 0.04, 3), Share(0.700, 0.04, 4));
  EXPECT_EQ(Only(quiet).change, Change::kNoisy);
  EXPECT_FALSE(Only(quiet).suspect);
  EXPECT_EQ(quiet.ExitStatus(), 0) << "noisy, but nothing points to a regression";
}

TEST(Compare, CallsEqualSamplesTheSameHoweverNoisy) {
  const Comparison comparison = CompareChecks(Share(0.700, 0.04, 1), Share(0.700, 0.04, 1));
  EXPECT_EQ(Only(comparison).change, Change::kSame);
}

TEST(Compare, ReadsBoundsInTheirDirection) {
  const auto change = [](double a, double b, Relation relation) {
    return Only(CompareChecks(Counted(a, relation, 100), Counted(b, relation, 100))).change;
  };
  EXPECT_EQ(change(50, 60, Relation::kAtMost), Change::kWorse);
  EXPECT_EQ(change(60, 50, Relation::kAtMost), Change::kBetter);
  EXPECT_EQ(change(150, 130, Relation::kAtLeast), Change::kWorse);
  EXPECT_EQ(change(130, 150, Relation::kAtLeast), Change::kBetter);
  EXPECT_EQ(change(50, 52, Relation::kAtMost), Change::kSame) << "under 5 %";
  EXPECT_EQ(change(0, 1, Relation::kAtMost), Change::kSame) << "a hundredth of the bound";
  EXPECT_EQ(change(0, 2, Relation::kAtMost), Change::kWorse);
}

TEST(Compare, JudgesEachSideByItsOwnPromise) {
  Check b = Share(0.5, 0.002, 2);
  b.expected.value = 0.5;
  EXPECT_EQ(Only(CompareChecks(Share(0.7, 0.002, 1), b)).change, Change::kSame);
}

TEST(Compare, DoesNotCompareUnits) {
  Check b = Share(0.7, 0.002, 2);
  b.expected.unit = "cpus";
  const Comparison comparison = CompareChecks(Share(0.7, 0.002, 1), b);
  EXPECT_EQ(Only(comparison).change, Change::kIncomparable);
}

TEST(Compare, FollowsTheVerdicts) {
  const auto status = [](Verdict a, Verdict b) {
    return Compare(MadeRun({MadeClaim("a.b", a, {})}), MadeRun({MadeClaim("a.b", b, {})}), {})
        .ExitStatus();
  };
  EXPECT_EQ(status(Verdict::kHolds, Verdict::kHolds), 0);
  EXPECT_EQ(status(Verdict::kHolds, Verdict::kViolated), 1);
  EXPECT_EQ(status(Verdict::kUnsupported, Verdict::kViolated), 1);
  EXPECT_EQ(status(Verdict::kViolated, Verdict::kViolated), 0) << "no change";
  EXPECT_EQ(status(Verdict::kViolated, Verdict::kHolds), 0);
  EXPECT_EQ(status(Verdict::kHolds, Verdict::kInconclusive), 3);
  EXPECT_EQ(status(Verdict::kHolds, Verdict::kError), 3);
  EXPECT_EQ(status(Verdict::kHolds, Verdict::kUnsupported), 3) << "the proof is lost";
  EXPECT_EQ(status(Verdict::kUnsupported, Verdict::kUnsupported), 0);
}

TEST(Compare, CountsAKnownViolationOnlyWhenStrict) {
  const Results a = MadeRun({MadeClaim("a.b", Verdict::kHolds, {})});
  Results b = MadeRun({MadeClaim("a.b", Verdict::kViolated, {})});
  b.claims[0].known = results::KnownViolation{"seen", "thread"};
  EXPECT_EQ(Compare(a, b, {}).ExitStatus(), 0);
  EXPECT_EQ(Compare(a, b, {.strict = true}).ExitStatus(), 1);
}

TEST(Compare, ComparesNoFiguresThatWereNotMeasured) {
  Check nothing = Share(0.7, 0.002, 2);
  nothing.measured = {};
  nothing.finding = results::Finding::kUnclear;
  const Comparison comparison =
      CompareChecks(Share(0.7, 0.002, 1), nothing, Verdict::kInconclusive);
  EXPECT_THAT(comparison.claims.at(0).quantities, IsEmpty());
  EXPECT_EQ(comparison.ExitStatus(), 3) << "undecided, not worse";

  const Results a = MadeRun({MadeClaim("a.b", Verdict::kHolds, {Share(0.7, 0.002, 1)})});
  Results b = MadeRun({MadeClaim("a.b", Verdict::kError, {Share(0.5, 0.002, 1)})});
  b.claims[0].protected_arm->load = {{"hog A", "usec", 2e6, 5e5}};
  EXPECT_EQ(Compare(a, b, {}).ExitStatus(), 3) << "a load that was not reached proves nothing";
}

TEST(Compare, TakesTheMajorityOfRepetitions) {
  const Results a = MadeRun({MadeClaim("a.b", Verdict::kHolds, {})});
  std::vector<Claim> claims;
  for (const Verdict verdict : {Verdict::kHolds, Verdict::kHolds, Verdict::kViolated}) {
    claims.push_back(MadeClaim("a.b", verdict, {}, static_cast<int>(claims.size()) + 1));
  }
  EXPECT_EQ(Compare(a, MadeRun(claims), {}).ExitStatus(), 3) << "mixed is not settled";
  claims[0].verdict = Verdict::kViolated;
  const Comparison comparison = Compare(a, MadeRun(claims), {});
  EXPECT_EQ(comparison.ExitStatus(), 1);
  EXPECT_THAT(RenderCompareText(comparison), HasSubstr("holds → holds 1/3, violated 2/3"));
}

TEST(Compare, NamesClaimsThatOnlyOneSideHas) {
  const Comparison comparison = Compare(MadeRun({MadeClaim("only.a", Verdict::kHolds, {})}),
                                        MadeRun({MadeClaim("only.b", Verdict::kHolds, {})}), {});
  const std::string text = RenderCompareText(comparison);
  EXPECT_THAT(text, HasSubstr("only in A  only.a"));
  EXPECT_THAT(text, HasSubstr("only in B  only.b"));
  EXPECT_EQ(comparison.ExitStatus(), 3) << "B did not prove what A did";
}

TEST(Compare, ComparesBenchmarksAndDoubtsSingleRuns) {
  Results a = MadeRun({});
  Results b = MadeRun({});
  const auto row = [](double time) {
    return Json{{"name", "BM_Fork"}, {"real_time", time}, {"time_unit", "us"}, {"better", "lower"}};
  };
  a.benchmarks = Json::array({row(10)});
  b.benchmarks = Json::array({row(20)});
  EXPECT_EQ(Compare(a, b, {}).ExitStatus(), 3) << "one repetition proves nothing";
  for (const double time : {10.1, 9.9, 10.2}) a.benchmarks.push_back(row(time));
  for (const double time : {20.1, 19.9, 20.2}) b.benchmarks.push_back(row(time));
  const Comparison comparison = Compare(a, b, {});
  EXPECT_EQ(comparison.ExitStatus(), 1);
  EXPECT_THAT(RenderCompareText(comparison), HasSubstr("1 benchmark: 1 worse"));
}

TEST(Compare, QuantitiesOfARowHaveTheirOwnDirectionAndInterval) {
  Results a = MadeRun({});
  Results b = MadeRun({});
  const auto row = [](double rate) {
    return Json{{"name", "numa.bandwidth.read"},
                {"status", "measured"},
                {"quantities",
                 {{"bandwidth",
                   {{"value", rate},
                    {"low", rate - 1},
                    {"high", rate + 1},
                    {"samples", {rate - 1, rate - 0.5, rate, rate + 0.5, rate + 1}},
                    {"unit", "bytes/s"},
                    {"better", "higher"}}}}}};
  };
  a.benchmarks = Json::array({row(100)});
  b.benchmarks = Json::array({row(50)});
  EXPECT_EQ(Compare(a, b, {}).ExitStatus(), 1);
  EXPECT_EQ(Compare(b, a, {}).ExitStatus(), 0);
}

TEST(Compare, ABenchmarkThatCouldNotRunIsNoNumber) {
  const Json rows =
      Json::array({{{"name", "io.fsync.4k"}, {"status", "unsupported"}, {"reason", "no disk"}}});
  const auto claims = BenchmarksAsClaims(rows);
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].verdict, results::Verdict::kUnsupported);
  EXPECT_EQ(claims[0].reason, "no disk");
  EXPECT_FALSE(claims[0].protected_arm);
}

TEST(RunDifferences, NameWhatDiffersButTheKernel) {
  const Results a = MadeRun({}, "6.1.170");
  EXPECT_THAT(RunDifferences(a, MadeRun({}, "6.12.117")), IsEmpty());
  Results b = MadeRun({});
  b.run.lane = "deterministic";
  b.run.version = "0.2.0";
  b.run.seed = 8;
  b.run.complete = false;
  b.node["vm"]["shape"] = "four";
  b.node["cpu"]["count"] = 4;
  b.node["memory"]["total_bytes"] = 4000000000;
  b.node["memory"]["swap_bytes"] = 4096;
  EXPECT_THAT(RunDifferences(a, b),
              ElementsAre("nodeproof version: A has 0.1.0, B has 0.2.0",
                          "lane: A has realtime, B has deterministic", "seed: A has 0, B has 8",
                          "CPUs: A has 2, B has 4", "VM shape: A has default, B has four",
                          "memory: A has 2000000000 bytes, B has 4000000000 bytes",
                          "swap: A has no swap, B has swap", "B did not complete"));
}

TEST(RunDifferences, NameTheFieldsOfAShape) {
  Results a = MadeRun({});
  Results b = MadeRun({});
  a.node["vm"]["shape"] = {{"name", "default"}, {"threads", 1}};
  b.node["vm"]["shape"] = {{"name", "default"}, {"threads", 2}};
  EXPECT_THAT(RunDifferences(a, b), ElementsAre("VM shape.threads: A has 1, B has 2"));
}

TEST(RunDifferences, ComparesTheShapesThatBothBooted) {
  Results a = MadeRun({});
  Results b = MadeRun({});
  a.node["shapes"] = {{"default", {{"cpu", {{"count", 2}}}}}, {"four", {{"cpu", {{"count", 4}}}}}};
  b.node["shapes"] = {{"four", {{"cpu", {{"count", 4}}}}}};
  b.node["cpu"]["count"] = 4;  // of its first shape
  EXPECT_THAT(RunDifferences(a, b), IsEmpty());
  b.node["shapes"]["four"]["cpu"]["count"] = 3;
  EXPECT_THAT(RunDifferences(a, b), ElementsAre("four: CPUs: A has 4, B has 3"));
}

TEST(RunDifferences, SurviveFactsOfAnyKind) {
  Results b = MadeRun({});
  b.node = Json::array({1, "x"});
  EXPECT_FALSE(RunDifferences(MadeRun({}), b).empty());
  b.node = {{"memory", 3}, {"vm", nullptr}, {"cpu", {{"count", {1, 2}}}}};
  EXPECT_FALSE(RunDifferences(MadeRun({}), b).empty());
}

TEST(ClaimDifferences, NameTheClaimAndBothLoads) {
  const Results a = MadeRun({MadeClaim("a.b", Verdict::kHolds, {})});
  Results b = a;
  EXPECT_THAT(ClaimDifferences(a, b), IsEmpty());
  b.claims[0].protected_arm->description = "weights 1 and 2";
  EXPECT_THAT(ClaimDifferences(a, b),
              ElementsAre("a.b: the protected arm: A has \"weights 30 and 70\", B has \"weights 1 "
                          "and 2\""));
}

TEST(MeasureNoise, SetsTheFloorOfEachQuantity) {
  std::vector<Results> boots;
  for (const double mean : {0.700, 0.700, 0.715, 0.700}) {
    boots.push_back(MadeRun({MadeClaim(
        "a.b", Verdict::kHolds, {Share(mean, 0.001, static_cast<uint32_t>(boots.size()))})}));
  }
  const Noise noise = MeasureNoise(boots, {}).value();
  ASSERT_EQ(noise.quantities.size(), 1u);
  EXPECT_EQ(noise.quantities[0].pairs, 2);
  EXPECT_EQ(noise.quantities[0].false_worse, 0);
  EXPECT_EQ(noise.quantities[0].false_better, 1) << "0.715 then 0.700";
  EXPECT_NEAR(noise.quantities[0].floor, 0.015, 0.001);
  EXPECT_THAT(RenderNoiseText(noise), HasSubstr("1 of 2"));
  EXPECT_THAT(RenderNoiseMarkdown(noise), HasSubstr("| a.b |"));

  const std::string json = RenderNoiseJson(noise).value();
  CompareOptions options;
  options.floor = ParseNoiseFloor(json, "floor.json", "realtime", "default").value();
  const Comparison comparison = Compare(boots[0], boots[2], options);
  EXPECT_NE(Only(comparison).change, Change::kWorse) << "within the noise";
  EXPECT_EQ(Compare(boots[0], boots[2], {}).ExitStatus(), 1);
  EXPECT_THAT(ParseNoiseFloor(json, "floor.json", "deterministic", "default").error().message,
              HasSubstr("floor.json: measured on lane \"realtime\""));
  EXPECT_THAT(ParseNoiseFloor("{}", "f", "realtime", "").error().message, HasSubstr("schema"));
}

TEST(MeasureNoise, NamesUnsteadyVerdicts) {
  const Noise noise = MeasureNoise({MadeRun({MadeClaim("a.b", Verdict::kHolds, {})}),
                                    MadeRun({MadeClaim("a.b", Verdict::kInconclusive, {})})},
                                   {})
                          .value();
  EXPECT_THAT(noise.unsteady, ElementsAre("a.b: holds 1x inconclusive 1x"));
  EXPECT_FALSE(MeasureNoise({MadeRun({})}, {}));
}

std::vector<Results> Boots(std::vector<double> means, Verdict verdict = Verdict::kHolds) {
  std::vector<Results> boots;
  for (const double mean : means) {
    boots.push_back(MadeRun({MadeClaim(
        "a.b", verdict,
        {Share(mean, 0.002,
               static_cast<uint32_t>(1000 * mean + static_cast<double>(boots.size())))})}));
  }
  return boots;
}

TEST(Settle, MergesBootsAsRepetitions) {
  const Results merged = MergeBoots(Boots({0.700, 0.701, 0.702}));
  ASSERT_EQ(merged.claims.size(), 3u);
  EXPECT_EQ(merged.claims[2].iteration, 3);
  EXPECT_TRUE(merged.run.complete);
}

TEST(Settle, AsksForThreeBootsOfEachBeforeItCallsAQuantityWorse) {
  const auto compare = [](std::vector<double> a, std::vector<double> b) {
    return Compare(MergeBoots(Boots(a)), MergeBoots(Boots(b)), {});
  };
  Comparison early = compare({0.7, 0.701}, {0.68, 0.681});
  EXPECT_EQ(early.ExitStatus(), 1);
  EXPECT_THAT(Unsettled(early, false), ElementsAre("a.b"));
  EXPECT_THAT(Unsettled(early, true), IsEmpty()) << "more boots would say the same";
  DoubtUnsettled(early, false);
  EXPECT_EQ(early.ExitStatus(), 3) << "not confirmed is not a regression";
  Comparison late = compare({0.7, 0.701, 0.699, 0.7005}, {0.68, 0.681, 0.6805, 0.679});
  EXPECT_THAT(Unsettled(late, false), IsEmpty());
  DoubtUnsettled(late, false);
  EXPECT_EQ(late.ExitStatus(), 1);
  EXPECT_THAT(Unsettled(compare({0.7, 0.701}, {0.7, 0.701}), false), IsEmpty());
}

TEST(Settle, AsksForASecondBootBeforeItBelievesAVerdict) {
  const auto compare = [](size_t boots) {
    return Compare(MergeBoots(Boots(std::vector<double>(boots, 0.7))),
                   MergeBoots(Boots(std::vector<double>(boots, 0.7), Verdict::kViolated)), {});
  };
  EXPECT_THAT(Unsettled(compare(1), false), ElementsAre("a.b"));
  EXPECT_THAT(Unsettled(compare(2), false), IsEmpty());
  Comparison once = compare(1);
  DoubtUnsettled(once, false);
  EXPECT_EQ(once.ExitStatus(), 3);
}

// A comparison of damaged or foreign facts and texts is rendered without harm.
TEST(Render, KeepsHostileTextInert) {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/hostile.json";
  const Results hostile = results::ParseResults(ReadFile(path).value(), path).value();
  Comparison comparison = Compare(hostile, MadeRun(hostile.claims), {});
  comparison.a.file = comparison.b.file = "x";
  for (const char* format : {"text", "markdown", "json", "html"}) {
    const std::string text = Render(ParseCompareFormat(format).value(), comparison).value();
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << format;
    if (std::string_view(format) == "html" || std::string_view(format) == "markdown") {
      EXPECT_EQ(text.find("<script"), std::string::npos) << format;
      EXPECT_EQ(text.find("<img"), std::string::npos) << format;
    }
  }
  EXPECT_FALSE(ParseCompareFormat("pdf"));
}

TEST(Render, FitsAPullRequest) {
  std::vector<Claim> a;
  std::vector<Claim> b;
  for (int i = 0; i < 3000; ++i) {
    const std::string id = fmt::format("cpu.claim-{}", i);
    a.push_back(MadeClaim(id, Verdict::kHolds, {Share(0.7, 0.002, 1)}));
    b.push_back(MadeClaim(id, Verdict::kViolated, {Share(0.6, 0.002, 2)}));
  }
  const Comparison comparison = Compare(MadeRun(a), MadeRun(b), {});
  EXPECT_LT(RenderCompareMarkdown(comparison).size(), 65536u);
}

// mixed.json against a node that gives B a tenth less, breaks one claim and lost another.
TEST(Render, IsAsBefore) {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/mixed.json";
  const Results a = results::ParseResults(ReadFile(path).value(), path).value();
  Results b = a;
  b.node["kernel"]["release"] = "6.18.1";
  for (Check& check : b.claims.at(0).protected_arm->checks) {
    for (double& sample : check.measured.samples) sample *= 0.9;
    check.measured.estimate *= 0.9;
  }
  b.claims.at(1).verdict = Verdict::kViolated;
  b.claims.at(1).reason = "the share is 0.5";
  b.claims.erase(b.claims.begin() + 2);
  const Comparison comparison = Compare(a, b, {});
  ExpectGolden("compare.txt", RenderCompareText(comparison));
  ExpectGolden("compare.md", RenderCompareMarkdown(comparison));
  ExpectGolden("compare.json", RenderCompareJson(comparison).value());
  ExpectGolden("compare.html", RenderCompareHtml(comparison));
}

TEST(Render, SaysInEveryFormatWhatGotWorse) {
  const Comparison comparison =
      CompareChecks(Share(0.700, 0.002, 1), Share(0.650, 0.002, 2), Verdict::kViolated);
  for (const char* format : {"text", "markdown", "json", "html"}) {
    const std::string text = Render(ParseCompareFormat(format).value(), comparison).value();
    EXPECT_THAT(text, HasSubstr("cpu.weight.siblings")) << format;
    EXPECT_THAT(text, HasSubstr("worse")) << format;
  }
  const Json json = Json::parse(RenderCompareJson(comparison).value());
  EXPECT_EQ(json.at("exit_status"), 1);
  EXPECT_EQ(json.at("claims")[0].at("verdict_change"), "worse");
}

}  // namespace
}  // namespace nodeproof::reports
