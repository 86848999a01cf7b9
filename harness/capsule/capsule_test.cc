#include "harness/capsule/capsule.h"

#include <gtest/gtest.h>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::capsule {
namespace {

using cgroup::FakeTree;
using kubelet::CgroupRole;
using kubelet::PlannedCgroup;

TEST(Capsule, AHostWhoseControllerIsOffIsNotChanged) {
  const FakeTree tree;
  const auto root = tree.Group("", {{"cgroup.subtree_control", "cpu memory\n"}});
  const auto capsule = Capsule::Create(root, {"cpu", "cpuset"}, /*own_parent=*/false);
  ASSERT_FALSE(capsule);
  EXPECT_TRUE(capsule.error().unsupported);
  EXPECT_NE(capsule.error().message.find("controller cpuset is off in"), std::string::npos);
  EXPECT_NE(capsule.error().hint.find("echo +cpuset"), std::string::npos);
  EXPECT_TRUE(root.Children()->empty());
  EXPECT_EQ(root.Read("cgroup.subtree_control").value(), "cpu memory\n");
}

TEST(Tree, AKnobThatTheKernelLacksIsUnsupportedAndLeavesNothing) {
  const FakeTree tree;
  const auto root = tree.Group("", {{"cgroup.subtree_control", ""}});
  PlannedCgroup slice;
  slice.name = "kubepods.slice";
  slice.path = "/kubepods.slice";
  slice.role = CgroupRole::kNodeSlice;
  slice.knobs = {{"cpu.weight", "137", "worked example"}};
  PlannedCgroup planned;
  planned.children = {slice};
  const auto planted = Tree::Plant(root, planned, {"cpu"});
  ASSERT_FALSE(planted);
  EXPECT_TRUE(planted.error().unsupported);
  EXPECT_NE(planted.error().message.find("no cpu.weight"), std::string::npos);
}

TEST(Tree, FindsGroupsByWhatTheyAre) {
  const FakeTree tree;
  const auto root = tree.Group("", {{"cgroup.subtree_control", ""}});
  PlannedCgroup container;
  container.name = "c.scope";
  container.path = "/kubepods/pod1/c.scope";
  container.role = CgroupRole::kContainer;
  container.pod_uid = "1";
  container.container = kubelet::PlannedContainer{};
  container.container->name = "main";
  PlannedCgroup planned;
  planned.children = {container};
  const auto planted = Tree::Plant(root, planned, {});
  ASSERT_TRUE(planted) << planted.error().message;
  EXPECT_EQ(planted->Container("1", "main").value()->Name(), "c.scope");
  EXPECT_EQ(planted->At("/kubepods/pod1/c.scope").value()->Name(), "c.scope");
  EXPECT_FALSE(planted->Container("1", "other"));
  EXPECT_FALSE(planted->Pod("1"));
  ASSERT_EQ(planted->entries().size(), 1u);
  EXPECT_EQ(planted->entries()[0].path, "/kubepods/pod1/c.scope");
}

TEST(Tree, FindsTheSliceThatAPodStandsIn) {
  const auto planned = [](std::string path, CgroupRole role, std::string pod_uid = "") {
    PlannedCgroup group;
    group.name = path.substr(path.rfind('/') + 1);
    group.path = std::move(path);
    group.role = role;
    group.pod_uid = std::move(pod_uid);
    return group;
  };
  PlannedCgroup burstable = planned("/kubepods/burstable", CgroupRole::kQos);
  burstable.children = {planned("/kubepods/burstable/pod1", CgroupRole::kPod, "1")};
  PlannedCgroup slice = planned("/kubepods", CgroupRole::kNodeSlice);
  slice.children = {burstable, planned("/kubepods/pod2", CgroupRole::kPod, "2")};
  PlannedCgroup all;
  all.children = {slice};

  const FakeTree tree;
  const auto root = tree.Group("");
  const auto planted = Tree::Plant(root, all, {});
  ASSERT_TRUE(planted) << planted.error().message;
  EXPECT_EQ(planted->QosSlice("1").value()->Name(), "burstable");
  EXPECT_EQ(planted->QosSlice("2").value()->Name(), "kubepods");
  EXPECT_FALSE(planted->QosSlice("3"));
}

}  // namespace
}  // namespace nodeproof::capsule
