#include "harness/cgroup/cgroup.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::cgroup {
namespace {

TEST(Cgroup, ReadsAndWritesThroughItsDirectory) {
  const FakeTree tree;
  const Cgroup group = tree.Group("a", {{"cpu.weight", "100\n"}});
  EXPECT_EQ(group.Read("cpu.weight").value(), "100\n");
  ASSERT_TRUE(group.Write("cpu.weight", "30"));
  EXPECT_EQ(group.Read("cpu.weight")->substr(0, 2), "30");
  EXPECT_TRUE(group.Has("cpu.weight"));
  EXPECT_FALSE(group.Has("cpu.max"));
}

TEST(Cgroup, ErrorsNameTheGroupAndTheFile) {
  const FakeTree tree;
  const auto missing = tree.Group("a").Read("memory.max");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_NE(missing.error().message.find("memory.max"), std::string::npos);
  EXPECT_NE(missing.error().message.find("/a"), std::string::npos);
}

TEST(Cgroup, RefusesNamesThatLeaveTheGroup) {
  const FakeTree tree;
  const Cgroup root = tree.Group("");
  for (const char* name : {"", ".", "..", "a/b", "/etc"}) {
    EXPECT_FALSE(root.CreateChild(name)) << name;
    EXPECT_FALSE(root.OpenChild(name)) << name;
  }
}

TEST(Cgroup, CreatingTwiceIsAnErrorWithEexist) {
  const FakeTree tree;
  const Cgroup root = tree.Group("");
  ASSERT_TRUE(root.CreateChild("pod"));
  const auto again = root.CreateChild("pod");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, EEXIST);
}

// A symbolic link below a group is never followed: `clean` walks what it did not write.
TEST(Cgroup, DoesNotFollowLinks) {
  const FakeTree tree;
  const Cgroup root = tree.Group("");
  tree.Group("real");
  std::filesystem::create_directory_symlink(tree.root() / "real", tree.root() / "link");
  EXPECT_FALSE(root.OpenChild("link"));
  EXPECT_EQ(root.Children().value(), std::vector<std::string>{"real"});
}

TEST(Cgroup, DestroyRemovesTheSubtreeBottomUp) {
  const FakeTree tree;
  tree.Group("capsule/kubepods/pod1");
  tree.Group("capsule/kubepods/pod2");
  const Cgroup capsule = tree.Group("capsule");
  // Only the capsule needs cgroup.events: the others are empty directories, which rmdir takes.
  tree.Group("capsule", {{"cgroup.events", "populated 0\nfrozen 0\n"}});
  const auto destroyed = capsule.Destroy();
  ASSERT_FALSE(destroyed);  // a fake group still holds its plain file, so the last rmdir fails …
  EXPECT_NE(destroyed.error().message.find("remove cgroup"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(tree.root() / "capsule/kubepods"));  // … after its children
}

TEST(Cgroup, MarksSurviveReopening) {
  const FakeTree tree;
  const Cgroup group = tree.Group("capsule");
  EXPECT_FALSE(group.Marking());
  const auto marked = group.Mark("pid 42");
  if (!marked && marked.error().code == EOPNOTSUPP) {
    GTEST_SKIP() << "the temporary directory's file system has no extended attributes";
  }
  ASSERT_TRUE(marked) << marked.error().message;
  EXPECT_EQ(tree.Group("capsule").Marking().value(), "pid 42");
}

}  // namespace
}  // namespace nodeproof::cgroup
