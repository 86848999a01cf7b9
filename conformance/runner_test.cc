#include "conformance/runner.h"

#include <gtest/gtest.h>

#include "harness/cgroup/fake_tree.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using results::Verdict;

class Runner : public testing::Test {
 protected:
  Runner()
      : capsule_(capsule::Capsule::Create(
            tree_.Group("", {{"cgroup.subtree_control", "cpu memory"}}), {"cpu", "memory"},
            /*own_parent=*/false)) {
    claim_.id = "cpu.weight.siblings";
    claim_.statement = "Siblings share by weight.";
    claim_.measure = [this](ArmContext& context) -> Result<results::Arm> {
      ++arms_;
      results::Arm arm;
      const double value = context.Protected() ? 0.7 : 0.5;
      const results::Expectation expected{0.7, results::Relation::kWithin, 0.02, "ratio"};
      const auto measured = measure::Exact(value);
      arm.checks = {{"share", expected, measured, measure::Judge(expected, measured)}};
      return arm;
    };
  }

  void SetUp() override {
    if (!capsule_) GTEST_SKIP() << "no extended attributes here: " << capsule_.error().message;
    environment_.capsule = &*capsule_;
    environment_.topology.cpus = {{}};
    environment_.memory = GiB(1);
  }

  cgroup::FakeTree tree_;
  Result<capsule::Capsule> capsule_;
  Environment environment_;
  Claim claim_;
  int arms_ = 0;
};

TEST_F(Runner, RunsBothArms) {
  const results::Claim result = RunClaim(claim_, environment_, {});
  EXPECT_EQ(result.verdict, Verdict::kHolds) << result.reason;
  EXPECT_EQ(arms_, 2);
  EXPECT_TRUE(result.protected_arm && result.control_arm);
}

TEST_F(Runner, WithoutControlItSaysSo) {
  const results::Claim result = RunClaim(claim_, environment_, {.control = false});
  EXPECT_EQ(result.verdict, Verdict::kHolds);
  EXPECT_EQ(arms_, 1);
  EXPECT_FALSE(result.control_arm);
  EXPECT_EQ(result.no_control_reason, "left out with --no-control");
}

TEST_F(Runner, WhatTheProtectedArmLeavesUndecidedNeedsNoControl) {
  claim_.measure = [this](ArmContext&) -> Result<results::Arm> {
    ++arms_;
    results::Arm arm;
    arm.checks = {{"share",
                   {0.7, results::Relation::kWithin, 0.02, "ratio"},
                   {0.7, 0.6, 0.8, {0.6, 0.8}},
                   results::Finding::kUnclear}};
    return arm;
  };
  const results::Claim result = RunClaim(claim_, environment_, {});
  EXPECT_EQ(result.verdict, Verdict::kInconclusive);
  EXPECT_EQ(arms_, 1);
  EXPECT_EQ(result.no_control_reason, "the protected arm alone left the claim undecided");
}

TEST_F(Runner, WhatTheNodeLacksIsUnsupportedByName) {
  claim_.needs.controllers = {"cpu", "hugetlb"};
  EXPECT_NE(RunClaim(claim_, environment_, {}).reason.find("controller hugetlb"),
            std::string::npos);
  claim_.needs = {.controllers = {"cpu"}, .cpus = 4};
  EXPECT_EQ(RunClaim(claim_, environment_, {}).reason, "it needs 4 CPUs, the node has 1");
  claim_.needs = {.controllers = {}, .memory = GiB(2)};
  EXPECT_EQ(RunClaim(claim_, environment_, {}).reason,
            "it needs 2 GiB of memory, the node has 1 GiB");
  claim_.needs = {.controllers = {}, .realtime = true, .why_realtime = "it needs a disk"};
  environment_.lane = node::Lane::kDeterministic;
  const results::Claim result = RunClaim(claim_, environment_, {});
  EXPECT_EQ(result.verdict, Verdict::kUnsupported);
  EXPECT_EQ(result.reason, "the deterministic lane cannot run it: it needs a disk");
  EXPECT_EQ(arms_, 0);
}

TEST_F(Runner, TheSeedDecidesTheRandomNumbers) {
  ArmContext a(environment_, claim_, ArmRole::kProtected);
  ArmContext b(environment_, claim_, ArmRole::kControl);
  EXPECT_EQ(a.random()(), b.random()());  // both arms run the same load
  environment_.seed = 8;
  ArmContext c(environment_, claim_, ArmRole::kProtected);
  EXPECT_NE(a.random()(), c.random()());
}

}  // namespace
}  // namespace nodeproof::conformance
