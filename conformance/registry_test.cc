#include "conformance/registry.h"

#include <gtest/gtest.h>

namespace nodeproof::conformance {
namespace {

Claim Named(const std::string& id) {
  Claim claim;
  claim.id = id;
  return claim;
}

TEST(ClaimRegistry, FindsById) {
  ClaimRegistry registry;
  registry.Add(Named("cpu.max.ceiling"));
  EXPECT_NE(registry.Find("cpu.max.ceiling"), nullptr);
  EXPECT_EQ(registry.Find("cpu.max"), nullptr);
}

TEST(ClaimRegistryDeathTest, RefusesTakenAndMalformedIds) {
  ClaimRegistry registry;
  registry.Add(Named("cpu.max.ceiling"));
  EXPECT_DEATH(registry.Add(Named("cpu.max.ceiling")), "taken or malformed");
  EXPECT_DEATH(registry.Add(Named("ceiling")), "taken or malformed");
  EXPECT_DEATH(registry.Add(Named("cpu.Max")), "taken or malformed");
  EXPECT_DEATH(registry.Add(Named("cpu..max")), "taken or malformed");
}

TEST(Describe, TellsWhatListAndDocNeed) {
  Claim claim = Named("memory.min.anon-hog");
  claim.needs = {.controllers = {"memory"},
                 .scratch = true,
                 .realtime = true,
                 .why_realtime = "it needs a disk"};
  claim.arm_budget = Seconds(20);
  const Json json = Describe(claim);
  EXPECT_EQ(json.at("lanes"), Json({"realtime"}));
  EXPECT_EQ(json.at("needs").at("why_realtime"), "it needs a disk");
  EXPECT_EQ(json.at("budget_s"), 40);
}

}  // namespace
}  // namespace nodeproof::conformance
