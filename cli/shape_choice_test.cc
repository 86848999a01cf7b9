#include "cli/shape_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof::cli {
namespace {

constexpr node::Lane kRealtime = node::Lane::kRealtime;
constexpr node::Lane kDeterministic = node::Lane::kDeterministic;

CatalogEntry Claim(const std::string& id, const CpuLayout& layout, Bytes memory = Bytes{0}) {
  CatalogEntry claim;
  claim.id = id;
  claim.needs_layout = layout;
  claim.needs_memory = memory;
  return claim;
}

std::string ShapeFor(const CpuLayout& layout, Bytes memory = Bytes{0}) {
  return ChooseShape(Claim("c", layout, memory), ShapesBySize(kRealtime).value()).value();
}

TEST(ShapeChoice, TakesTheSmallestShapeThatHasWhatAClaimNeeds) {
  EXPECT_EQ(ShapeFor({}), "default");
  EXPECT_EQ(ShapeFor({.cpus = 2}), "default");
  EXPECT_EQ(ShapeFor({.cpus = 4}), "four");
  EXPECT_EQ(ShapeFor({.cpus = 4, .threads = 2}), "smt-four");
  EXPECT_EQ(ShapeFor({.cpus = 4, .last_level_caches = 2}), "two-llc");
  EXPECT_EQ(ShapeFor({.cpus = 4, .numa_nodes = 2}), "two-numa");
  EXPECT_EQ(ShapeFor({.numa_nodes = 2, .memory_only_nodes = 1}), "hmat-far");
  EXPECT_EQ(ShapeFor({.memory_only_nodes = 1}), "hmat-far");  // before emulated devices' memory
  EXPECT_EQ(ShapeFor({.cpus = 2, .memory_only_nodes = 1, .cxl_nodes = 1}), "cxl");
  EXPECT_EQ(ShapeFor({.numa_nodes = 2, .memory_only_nodes = 1, .cxl_nodes = 1}), "");
  EXPECT_EQ(ShapeFor({.cpus = 6, .numa_nodes = 2, .cpus_per_numa_node = 3}), "two-numa-six");
}

TEST(ShapeChoice, FindsNoneForWhatNoShapeHas) {
  EXPECT_EQ(ShapeFor({.cpus = 1000}), "");
  EXPECT_EQ(ShapeFor({}, GiB(1024)), "");
}

TEST(ShapeChoice, OnlyNodesWithCpusCount) {
  const CpuLayout far = LayoutOf(node::FindShape("hmat-far").value()).value();
  EXPECT_EQ(far.numa_nodes, 2);
  EXPECT_EQ(far.cpus_per_numa_node, 2);
  EXPECT_EQ(far.memory_only_nodes, 1);
  EXPECT_EQ(far.cxl_nodes, 0);
  const CpuLayout cxl = LayoutOf(node::FindShape("cxl").value()).value();
  EXPECT_EQ(cxl.numa_nodes, 1);
  EXPECT_EQ(cxl.memory_only_nodes, 1);
  EXPECT_EQ(cxl.cxl_nodes, 1);
  EXPECT_EQ(LayoutOf(node::FindShape("smt").value()).value().last_level_caches, 2);
}

TEST(PlanWork, PutsClaimsOfOneShapeTogetherRepetitionByRepetition) {
  const CatalogEntry a = Claim("a", {});
  const CatalogEntry b = Claim("b", {.cpus = 4});
  const CatalogEntry c = Claim("c", {.cpus = 2});
  const auto plan = PlanWork({&a, &b, &c}, 2, 4, kRealtime);
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_THAT(plan->notes, testing::IsEmpty());
  std::vector<std::string> order;
  for (const WorkItem& item : plan->work) {
    order.push_back(fmt::format("{} {} {}", item.shape, item.claim->id, item.iteration));
  }
  EXPECT_THAT(order, testing::ElementsAre("default a 1", "default c 1", "default a 2",
                                          "default c 2", "four b 1", "four b 2"));
}

TEST(PlanWork, InTheDeterministicLaneOneCpuIsTheFirstChoice) {
  const CatalogEntry a = Claim("a", {});
  const CatalogEntry b = Claim("b", {.cpus = 2});
  const CatalogEntry endless = Claim("endless", {.cpus = 1000});
  const auto plan = PlanWork({&a, &b, &endless}, 1, 4, kDeterministic);
  ASSERT_TRUE(plan) << plan.error().ToString();
  std::vector<std::string> shapes;
  for (const WorkItem& item : plan->work) shapes.push_back(item.claim->id + " " + item.shape);
  EXPECT_THAT(shapes, testing::ElementsAre("a one", "endless one", "b default"));
}

TEST(PlanWork, SaysWhichShapeIsTooLargeForThisMachine) {
  const CatalogEntry wide = Claim("wide", {.cpus = 6, .numa_nodes = 2});
  const CatalogEntry endless = Claim("endless", {.cpus = 1000});
  const auto plan = PlanWork({&wide, &endless}, 1, 4, kRealtime);
  ASSERT_TRUE(plan) << plan.error().ToString();
  EXPECT_EQ(plan->work[0].shape, "default");
  EXPECT_EQ(plan->work[1].shape, "default");
  ASSERT_EQ(plan->notes.size(), 1u);
  EXPECT_THAT(plan->notes[0], testing::StartsWith("wide needs the shape two-numa-six"));
  EXPECT_EQ(PlanWork({&wide}, 1, 6, kRealtime)->work[0].shape, "two-numa-six");
}

}  // namespace
}  // namespace nodeproof::cli
