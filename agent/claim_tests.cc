#include "agent/claim_tests.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <tuple>

#include "conformance/runner.h"

namespace nodeproof::agent {
namespace {

using results::Verdict;

struct Position {
  int iteration = 0;
  int index = 0;
};

class ClaimTest : public testing::Test {
 public:
  ClaimTest(const ClaimRun& run, const conformance::Claim& claim, Position& position)
      : run_(run), claim_(claim), position_(position) {}

  void TestBody() override {
    run_.on_start(claim_, ++position_.index);
    const results::Claim result = conformance::RunClaim(
        claim_, *run_.environment, {.control = run_.control, .iteration = position_.iteration});
    run_.on_finish(result);
    if (result.verdict == Verdict::kUnsupported) GTEST_SKIP() << result.reason;
    if (result.verdict != Verdict::kHolds) {
      FAIL() << results::ToString(result.verdict) << ": " << result.reason;
    }
  }

 private:
  const ClaimRun& run_;
  const conformance::Claim& claim_;
  Position& position_;
};

class IterationListener : public testing::EmptyTestEventListener {
 public:
  explicit IterationListener(Position& position) : position_(position) {}
  void OnTestIterationStart(const testing::UnitTest&, int iteration) override {
    position_.iteration = iteration + 1;
  }

 private:
  Position& position_;
};

// "cpu" of "cpu.weight.siblings": the area is the test suite.
std::string AreaOf(const std::string& id) { return id.substr(0, id.find('.')); }

}  // namespace

void RunClaimTests(const ClaimRun& run) {
  if (run.claims.empty()) return;
  Position position;
  int argc = 1;
  char name[] = "nodeproof-agent";
  char* argv[] = {name, nullptr};
  testing::InitGoogleTest(&argc, argv);
  // The user's GTEST_* environment is for test programs, not for runs.
  testing::GTEST_FLAG(filter) = "*";
  testing::GTEST_FLAG(shuffle) = false;
  testing::GTEST_FLAG(fail_fast) = false;
  testing::GTEST_FLAG(break_on_failure) = false;
  testing::GTEST_FLAG(throw_on_failure) = false;
  testing::GTEST_FLAG(output) = "";
  for (const char* variable :
       {"GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX", "GTEST_SHARD_STATUS_FILE"}) {
    ::unsetenv(variable);
  }
  testing::GTEST_FLAG(repeat) = run.repeat;
  for (const conformance::Claim* claim : run.claims) {
    const std::string area = AreaOf(claim->id);
    testing::RegisterTest(area.c_str(), claim->id.substr(area.size() + 1).c_str(), nullptr, nullptr,
                          __FILE__, __LINE__, [&run, claim, &position]() -> testing::Test* {
                            return new ClaimTest(run, *claim, position);
                          });
  }
  // Verdicts are events; GoogleTest's own printer would only slow the console.
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new IterationListener(position));
  // Its result says whether all passed, which the verdicts say better.
  std::ignore = RUN_ALL_TESTS();
}

}  // namespace nodeproof::agent
