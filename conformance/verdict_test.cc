#include "conformance/verdict.h"

#include <gtest/gtest.h>

namespace nodeproof::conformance {
namespace {

using results::Arm;
using results::Finding;
using results::Relation;
using results::Verdict;

Arm ArmWith(Finding deciding, Finding second = Finding::kInside) {
  Arm arm;
  arm.checks = {
      {"share of B", {0.7, Relation::kWithin, 0.02, "ratio"}, {0.7, 0.69, 0.71, {0.7}}, deciding},
      {"work share", {0.7, Relation::kWithin, 0.03, "ratio"}, {0.7, 0.7, 0.7, {0.7}}, second}};
  arm.load = {{"hog A", "usec", 100, 250}};
  return arm;
}

Verdict Of(const ArmOutcome& protected_arm, const std::optional<ArmOutcome>& control) {
  return Decide(protected_arm, control).verdict;
}

TEST(Decide, TheTableInTheHeader) {
  const Arm inside = ArmWith(Finding::kInside);
  const Arm outside = ArmWith(Finding::kOutside);
  const Arm unclear = ArmWith(Finding::kUnclear);
  EXPECT_EQ(Of(inside, outside), Verdict::kHolds);
  EXPECT_EQ(Of(inside, inside), Verdict::kInconclusive);
  EXPECT_EQ(Of(inside, unclear), Verdict::kInconclusive);
  EXPECT_EQ(Of(inside, std::nullopt), Verdict::kHolds);
  EXPECT_EQ(Of(outside, outside), Verdict::kViolated);
  EXPECT_EQ(Of(outside, std::nullopt), Verdict::kViolated);
  EXPECT_EQ(Of(unclear, outside), Verdict::kInconclusive);
  // A second check that fails violates the claim; in the control arm only the first one decides.
  EXPECT_EQ(Of(ArmWith(Finding::kInside, Finding::kOutside), outside), Verdict::kViolated);
  EXPECT_EQ(Of(inside, ArmWith(Finding::kInside, Finding::kOutside)), Verdict::kInconclusive);
}

TEST(Decide, ErrorsAndWhatTheNodeLacks) {
  const ArmOutcome failed = Fail("cpu.stat is gone");
  const ArmOutcome lacking = std::unexpected(Error{"no cpu.idle", "", 0, true});
  EXPECT_EQ(Of(failed, std::nullopt), Verdict::kError);
  EXPECT_EQ(Of(lacking, std::nullopt), Verdict::kUnsupported);
  EXPECT_EQ(Of(ArmWith(Finding::kInside), failed), Verdict::kError);
  EXPECT_EQ(Decide(failed, std::nullopt).reason, "protected arm: cpu.stat is gone");
  EXPECT_EQ(Of(Arm{}, std::nullopt), Verdict::kError);
}

TEST(Decide, ALoadThatDidNotHappenIsAnErrorNotAPass) {
  Arm idle = ArmWith(Finding::kInside);
  idle.load[0].done = 99;
  const Judgement judgement = Decide(idle, ArmWith(Finding::kOutside));
  EXPECT_EQ(judgement.verdict, Verdict::kError);
  EXPECT_EQ(judgement.reason, "protected arm: hog A did not reach its load: 99 of 100 usec");
  EXPECT_EQ(Of(ArmWith(Finding::kInside), idle), Verdict::kError);
}

TEST(Decide, ReasonsNameTheQuantityTheValueAndTheBand) {
  const Judgement violated = Decide(ArmWith(Finding::kOutside), std::nullopt);
  EXPECT_EQ(violated.reason, "share of B is 0.7 (0.69 … 0.71), expected 0.7 ± 0.02 ratio");
  const Judgement held = Decide(ArmWith(Finding::kInside), ArmWith(Finding::kInside));
  EXPECT_TRUE(held.reason.starts_with("it holds also without its protection")) << held.reason;
}

}  // namespace
}  // namespace nodeproof::conformance
