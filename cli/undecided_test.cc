#include "cli/undecided.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::cli {
namespace {

using results::Claim;
using results::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

CatalogEntry Entry(const std::string& id, const Json& lanes) {
  CatalogEntry entry;
  entry.id = id;
  entry.json = {{"lanes", lanes}};
  return entry;
}

Claim Found(const std::string& id, Verdict verdict, const std::string& reason = "") {
  Claim claim;
  claim.id = id;
  claim.verdict = verdict;
  claim.reason = reason;
  claim.protected_arm.emplace();
  return claim;
}

class UndecidedTest : public testing::Test {
 protected:
  UndecidedTest() {
    results_.run.lane = "realtime";
    results_.node = {{"vm", {{"accelerator", "tcg"}}}};
    results_.claims = {Found("a", Verdict::kInconclusive, "too noisy"), Found("b", Verdict::kHolds),
                       Found("c", Verdict::kInconclusive, "too noisy"),
                       Found("a", Verdict::kInconclusive, "noisy again"),
                       Found("d", Verdict::kViolated, "broken")};
    results_.claims[3].iteration = 2;
    results_.claims[0].shape = "four";
  }
  results::Results results_;
  const CatalogEntry a_ = Entry("a", {"realtime", "deterministic"});
  const CatalogEntry b_ = Entry("b", {"realtime", "deterministic"});
  const CatalogEntry c_ = Entry("c", {"realtime"});
  const CatalogEntry d_ = Entry("d", {"realtime", "deterministic"});
  const std::vector<const CatalogEntry*> all_ = {&a_, &b_, &c_, &d_};
};

TEST_F(UndecidedTest, AreThoseThatTheOtherLaneCanRun) {
  EXPECT_THAT(Undecided(results_, all_), ElementsAre(&a_));
}

TEST_F(UndecidedTest, AreNoneWhereTheNoiseIsTheNodesOwn) {
  results_.node = {{"vm", {{"accelerator", "kvm"}}}};
  EXPECT_THAT(Undecided(results_, all_), IsEmpty());
  results_.node = {{"kind", "host"}};
  EXPECT_THAT(Undecided(results_, all_), IsEmpty());
}

TEST_F(UndecidedTest, AreNoneInTheDeterministicLaneItself) {
  results_.run.lane = "deterministic";
  EXPECT_THAT(Undecided(results_, all_), IsEmpty());
}

TEST_F(UndecidedTest, TakesWhatWasDecidedAndSaysSo) {
  results::Results decided;
  decided.claims = {Found("a", Verdict::kViolated, "no share")};
  decided.claims[0].shape = "one";
  TakeDecided(decided, results_);
  EXPECT_EQ(results_.claims[0].verdict, Verdict::kViolated);
  EXPECT_EQ(results_.claims[0].reason, "no share");
  EXPECT_EQ(results_.claims[0].shape, "four");
  EXPECT_THAT(results_.claims[0].protected_arm->notes,
              ElementsAre("decided in the deterministic lane on the shape one; in the realtime lane "
                          "inconclusive, too noisy"));
  EXPECT_EQ(results_.claims[3].iteration, 2);
  EXPECT_EQ(results_.claims[3].verdict, Verdict::kViolated);
}

TEST_F(UndecidedTest, KeepsWhatIsDecidedAndWhatTheOtherLaneCouldNotDecideEither) {
  results::Results decided;
  decided.claims = {Found("a", Verdict::kInconclusive, "x"), Found("d", Verdict::kHolds)};
  TakeDecided(decided, results_);
  EXPECT_EQ(results_.claims[0].reason, "too noisy");
  EXPECT_EQ(results_.claims[4].verdict, Verdict::kViolated);
}

}  // namespace
}  // namespace nodeproof::cli
