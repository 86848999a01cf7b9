#include "harness/capsule/stale.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::capsule {
namespace {

using cgroup::FakeTree;

TEST(OwnerMark, NamesOneProcess) {
  const auto mark = OwnerMark(::getpid());
  ASSERT_TRUE(mark);
  EXPECT_EQ(*mark, OwnerMark(::getpid()).value());
  EXPECT_FALSE(OwnerMark(::getpid(), "/no-such-proc"));
}

TEST(OwnerMark, AZombieOwnsNothing) {
  const FakeTree proc;
  const auto stat = [](char state) {
    return fmt::format("77 (a b) c) {} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 0\n",
                       state);
  };
  proc.Group("77", {{"stat", stat('S')}});
  EXPECT_EQ(OwnerMark(77, proc.root()).value(), "pid=77 start=4242");
  for (const char dead : {'Z', 'X'}) {
    proc.Group("77", {{"stat", stat(dead)}});
    EXPECT_FALSE(OwnerMark(77, proc.root())) << dead;
  }
}

TEST(RemoveStale, TakesOnlyMarkedCapsulesWhoseOwnerIsGone) {
  const FakeTree tree;
  const cgroup::Cgroup root = tree.Group("");
  const auto mine = tree.Group(CapsuleName(::getpid()));
  const auto marked = mine.Mark(OwnerMark(::getpid()).value());
  if (!marked && marked.error().code == EOPNOTSUPP) {
    GTEST_SKIP() << "the temporary directory's file system has no extended attributes";
  }
  ASSERT_TRUE(marked);
  tree.Group("nodeproof-99.slice");                // somebody else's: no mark
  tree.Group("kubepods.slice");                    // not a capsule's name
  tree.Group("nodeproof-x.slice");                 // nor this
  const auto reused = tree.Group(CapsuleName(1));  // pid 1 lives, but did not start then
  ASSERT_TRUE(reused.Mark("pid=1 start=0"));

  const auto report = RemoveStale(root);
  // A fake group has no cgroup.events, so the removal itself fails: by then it has been chosen.
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("nodeproof-1.slice"), std::string::npos)
      << report.error().message;
  EXPECT_TRUE(std::filesystem::exists(tree.root() / CapsuleName(::getpid())));
  EXPECT_TRUE(std::filesystem::exists(tree.root() / "nodeproof-99.slice"));

  std::filesystem::remove(tree.root() / CapsuleName(1));
  const auto rest = RemoveStale(root);
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_TRUE(rest->removed.empty());
  EXPECT_EQ(rest->in_use, std::vector<std::string>{mine.path()});
  ASSERT_EQ(rest->foreign.size(), 1u);
  EXPECT_TRUE(rest->foreign[0].ends_with("/nodeproof-99.slice"));
}

}  // namespace
}  // namespace nodeproof::capsule
