#include "reports/export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/base/file.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Results;
using results::Verdict;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

Results Load(const std::string& name) {
  const std::string path = NODEPROOF_SOURCE_DIR "/reports/testdata/" + name + ".json";
  auto results = results::ParseResults(ReadFile(path).value(), path);
  EXPECT_TRUE(results) << results.error().ToString();
  return results.value_or(Results{});
}

Results One(Verdict verdict, const std::string& reason) {
  Results results;
  Claim& claim = results.claims.emplace_back();
  claim.id = "memory.max.oom";
  claim.verdict = verdict;
  claim.reason = reason;
  return results;
}

TEST(Npd, AnswersWithTheDetectorsExitCodes) {
  EXPECT_EQ(NpdAnswerFor(One(Verdict::kHolds, ""), "memory.max.oom").exit_status, 0);
  EXPECT_EQ(NpdAnswerFor(One(Verdict::kViolated, "x"), "memory.max.oom").exit_status, 1);
  for (const Verdict verdict : {Verdict::kInconclusive, Verdict::kUnsupported, Verdict::kError}) {
    EXPECT_EQ(NpdAnswerFor(One(verdict, "x"), "memory.max.oom").exit_status, 2);
  }
  EXPECT_EQ(NpdAnswerFor(One(Verdict::kHolds, ""), "memory.max").exit_status, 2);
  Results known = One(Verdict::kViolated, "x");
  known.claims[0].known = results::KnownViolation{"seen", "thread"};
  EXPECT_EQ(NpdAnswerFor(known, "memory.max.oom").exit_status, 0);
}

TEST(Npd, TakesTheWorstRepetition) {
  Results results = One(Verdict::kViolated, "it broke");
  results.claims.insert(results.claims.begin(), One(Verdict::kHolds, "").claims[0]);
  results.claims.push_back(One(Verdict::kError, "no load").claims[0]);
  EXPECT_EQ(NpdAnswerFor(results, "memory.max.oom").line, "memory.max.oom violated: it broke");
}

TEST(Npd, KeepsToOneShortAsciiLine) {
  for (const char* name : {"mixed", "hostile"}) {
    const Results results = Load(name);
    for (const Claim& claim : results.claims) {
      const NpdAnswer answer = NpdAnswerFor(results, claim.id);
      EXPECT_LE(answer.line.size(), kNpdLine);
      EXPECT_THAT(answer.line, MatchesRegex("[ -~]+"));
    }
  }
  const NpdAnswer answer =
      NpdAnswerFor(One(Verdict::kViolated, std::string(200, 'x')), "memory.max.oom");
  EXPECT_EQ(answer.line.size(), kNpdLine);
  EXPECT_TRUE(answer.line.ends_with("..."));
  EXPECT_EQ(NpdAnswerFor(Results{}, "\x1b[2J\n").line, "\\u{1b}[2J\\n: not in the results");
}

TEST(Lava, SignalsEachClaimInItsArea) {
  const std::string text = RenderLava(Load("mixed"));
  EXPECT_THAT(text, HasSubstr("<LAVA_SIGNAL_TESTSET START cpu>\n"
                              "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=cpu.weight.siblings RESULT=pass "
                              "UNITS=ratio MEASUREMENT=0.699986>\n"));
  EXPECT_THAT(text, HasSubstr("TEST_CASE_ID=memory.max.oom.iteration-2 "));
}

TEST(Lava, HasOnlyWholeSignals) {
  const auto line = MatchesRegex(
      "<LAVA_SIGNAL_TESTSET (START [A-Za-z0-9._-]+|STOP)>|"
      "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=[A-Za-z0-9._-]+ RESULT=(pass|fail|skip|unknown)"
      "( UNITS=[A-Za-z0-9._-]+)?( MEASUREMENT=-?[0-9.]+)?>");
  for (const char* name : {"mixed", "hostile"}) {
    const std::string text = RenderLava(Load(name));
    for (const std::string_view each : Split(text, '\n')) {
      if (each.empty()) continue;
      EXPECT_THAT(each, line);
    }
  }
}

TEST(Kcidb, MapsVerdicts) {
  const Json json = Json::parse(RenderKcidb(Load("mixed")).value());
  std::map<std::string, Json> tests;
  for (const Json& test : json.at("tests")) tests[test.at("path")] = test;
  EXPECT_EQ(tests.at("nodeproof.cpu.weight.siblings").at("status"), "PASS");
  EXPECT_EQ(tests.at("nodeproof.cpu.max.ceiling").at("status"), "FAIL");
  EXPECT_EQ(tests.at("nodeproof.cpu.max.ceiling").at("waived"), false);
  EXPECT_EQ(tests.at("nodeproof.memory.max.page-cache-never-oom").at("waived"), true);
  EXPECT_EQ(tests.at("nodeproof.cpu.max.burst").at("status"), "SKIP");
  EXPECT_EQ(tests.at("nodeproof.cpu.wakeup.protected").at("status"), "ERROR");
  EXPECT_EQ(tests.at("nodeproof.cpu.max.burst").at("build_id"),
            "nodeproof:6.12.57+deb13-cloud-amd64");
}

TEST(Kcidb, RefusesIdsThatTheSchemaRefuses) {
  EXPECT_TRUE(RenderKcidb(Results{}, {"my_lab", "redhat:123"}));
  EXPECT_THAT(RenderKcidb(Results{}, {"My Lab", ""}).error().message, HasSubstr("\"My Lab\""));
  EXPECT_THAT(RenderKcidb(Results{}, {"lab", "no-colon"}).error().message, HasSubstr("no-colon"));
  EXPECT_FALSE(RenderKcidb(Results{}, {"lab", "lab:a\nb"}));
}

TEST(Sonobuoy, LeavesWhatTheWorkerWaitsFor) {
  std::string name = testing::TempDir() + "nodeproof-sonobuoy-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name.data());
  ASSERT_TRUE(WriteSonobuoy(folder / "results", Load("mixed")));
  const std::string done = ReadFile((folder / "results/done").string()).value();
  EXPECT_EQ(done, (folder / "results/junit.xml").string());
  EXPECT_TRUE(std::filesystem::exists(done));
  EXPECT_TRUE(std::filesystem::exists(folder / "results/results.json"));
  std::filesystem::remove_all(folder);
  EXPECT_FALSE(WriteSonobuoy("/proc/nodeproof", Results{}));
}

}  // namespace
}  // namespace nodeproof::reports
