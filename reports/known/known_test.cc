#include "reports/known/known.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/file.h"
#include "reports/reports.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Results;
using results::Verdict;
using ::testing::HasSubstr;

const std::string kKnown = NODEPROOF_SOURCE_DIR "/reports/known/";
const std::string kTestdata = NODEPROOF_SOURCE_DIR "/reports/testdata/";

KnownList Fixture() {
  const std::string path = kTestdata + "known.json";
  const auto list = ParseKnown(ReadFile(path).value(), path);
  EXPECT_TRUE(list) << list.error().ToString();
  return list.value_or(KnownList{});
}

// A run on `release` in which the claims that the fixture names came out as given.
Results RunOn(const std::string& release, const std::string& mglru, Verdict verdict) {
  Results results;
  results.run.complete = true;
  results.node = {{"kernel", {{"release", release}}}, {"memory", {{"mglru", mglru}}}};
  for (const char* id : {"memory.max.page-cache-never-oom", "cpu.max.burst"}) {
    Claim& claim = results.claims.emplace_back();
    claim.id = id;
    claim.verdict = verdict;
    claim.reason = verdict == Verdict::kHolds ? "" : "2 OOM kills";
    results::Arm arm;
    arm.checks = {
        {"oom_kill in memory.events",
         {0, results::Relation::kWithin, 0, "count"},
         {2, 2, 2, {2}},
         {}},
        {"bytes written", {9, results::Relation::kAtLeast, 0, "bytes"}, {9, 9, 9, {}}, {}}};
    arm.checks[0].finding = results::Finding::kOutside;
    arm.checks[1].finding = results::Finding::kInside;
    claim.protected_arm = arm;
  }
  return results;
}

bool Marked(Results results) {
  MarkKnown(Fixture(), results);
  EXPECT_FALSE(results.claims[1].known) << "not on the list";
  return results.claims[0].known.has_value();
}

TEST(ShippedKnown, IsTheListInTheTree) {
  const auto list = ParseKnown(ReadFile(kKnown + "known_violations.json").value(), "known");
  ASSERT_TRUE(list) << list.error().ToString();
  EXPECT_EQ(ShippedKnown().size(), list->size());
}

TEST(MarkKnown, MarksKernelsInTheRangeWithTheProbedFacts) {
  EXPECT_TRUE(Marked(RunOn("6.12.117+deb12-cloud-amd64", "0x0007", Verdict::kViolated)));
  EXPECT_TRUE(Marked(RunOn("6.12", "0x0007", Verdict::kViolated)));
  EXPECT_TRUE(Marked(RunOn("6.14.9", "0x0007", Verdict::kViolated)));
  EXPECT_FALSE(Marked(RunOn("6.11.99", "0x0007", Verdict::kViolated)));
  EXPECT_FALSE(Marked(RunOn("6.15-rc1", "0x0007", Verdict::kViolated)));
  EXPECT_FALSE(Marked(RunOn("6.100.0", "0x0007", Verdict::kViolated)));
  EXPECT_FALSE(Marked(RunOn("6.12.117", "0x0000", Verdict::kViolated)));
  EXPECT_FALSE(Marked(RunOn("unknown", "0x0007", Verdict::kViolated)));
}

TEST(MarkKnown, MarksNothingThatAnotherCheckBroke) {
  Results results = RunOn("6.12", "0x0007", Verdict::kViolated);
  results.claims[0].protected_arm->checks[1].finding = results::Finding::kOutside;
  EXPECT_FALSE(Marked(results));
}

TEST(MarkKnown, MarksOnlyWhatWasDecided) {
  for (const Verdict verdict : {Verdict::kInconclusive, Verdict::kUnsupported, Verdict::kError}) {
    EXPECT_FALSE(Marked(RunOn("6.12", "0x0007", verdict))) << ToString(verdict);
  }
}

TEST(MarkKnown, TakesTheMarkOfAnOldListAway) {
  Results results = RunOn("6.12", "0x0007", Verdict::kViolated);
  results.claims[1].known = results::KnownViolation{"old", "old"};
  MarkKnown(Fixture(), results);
  EXPECT_FALSE(results.claims[1].known);
}

TEST(MarkKnown, KeepsAKnownViolationFromTheExitStatusUnlessStrict) {
  Results results = RunOn("6.12", "0x0007", Verdict::kViolated);
  results.claims.pop_back();
  MarkKnown(Fixture(), results);
  EXPECT_EQ(ExitStatus(results, false), 0);
  EXPECT_EQ(ExitStatus(results, true), 1);
  EXPECT_THAT(RenderKtap(results), HasSubstr("# XFAIL"));
  EXPECT_THAT(RenderConsole(results, Colour::kNo), HasSubstr("1 violated (1 known)"));
  const Results strict = Strict(results);
  EXPECT_EQ(ExitStatus(strict, false), 1);
  EXPECT_THAT(RenderKtap(strict), HasSubstr("# violated: 2 OOM kills (known: "));
  EXPECT_THAT(RenderJunit(strict), HasSubstr("<failure type=\"violated\""));
}

TEST(MarkKnown, ReportsAKnownViolationThatHolds) {
  Results results = RunOn("6.12", "0x0007", Verdict::kHolds);
  for (Claim& claim : results.claims) {
    claim.protected_arm->checks[0].finding = results::Finding::kInside;
  }
  MarkKnown(Fixture(), results);
  EXPECT_TRUE(results.claims[0].known);
  EXPECT_EQ(ExitStatus(results, true), 0);
  for (const Format format : {Format::kConsole, Format::kKtap, Format::kHtml, Format::kMarkdown}) {
    EXPECT_THAT(Render(format, Strict(results)).value(), HasSubstr("but holds here"))
        << ToString(format);
  }
}

std::string ErrorOf(const std::string& entry) {
  const auto list = ParseKnown(
      fmt::format(R"({{"schema": "nodeproof.known/1", "violations": [{}]}})", entry), "k.json");
  return list ? "parsed" : list.error().message;
}

TEST(ParseKnown, NamesTheFieldAtFault) {
  const std::string tail = R"(, "evidence": "seen", "reference": "https://example.org"})";
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b", "kernel": {"from": "6.1"})" + tail), "parsed");
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b")" + tail),
            "k.json: violations[0].kernel: missing, and \"probe\" too: which nodes is it about?");
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b", "kernel": {"from": "6.x"})" + tail),
            "k.json: violations[0].kernel.from: \"6.x\" is no version such as 6.12");
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b", "kernel": {"from": "6.12", "before": "6.1"})" + tail),
            "k.json: violations[0].kernel.before: not after \"from\"");
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b", "probe": {"x": 1})" + tail),
            "k.json: violations[0].probe.\"x\": not a string");
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b", "kernel": {"from": "6.1"}, "evidence": "e"})"),
            "k.json: violations[0].reference: missing");
  EXPECT_EQ(ErrorOf(R"({"claim": "a.b", "kernel": {"from": "6.1"}, "flaky": true)" + tail),
            "k.json: violations[0]: unknown field \"flaky\"");
  EXPECT_THAT(ParseKnown("[]", "k.json").error().message,
              HasSubstr("k.json: its \"schema\" is not \"nodeproof.known/1\""));
  EXPECT_THAT(ParseKnown("{\"schema\": ", "k.json").error().message, HasSubstr("cut short"));
}

}  // namespace
}  // namespace nodeproof::reports
