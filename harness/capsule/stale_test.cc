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

TEST(OwnerMark, NamesThePidNamespace) {
  const FakeTree proc;
  proc.Group("77", {{"stat", "77 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 0\n"}});
  proc.Group("self/ns");
  std::filesystem::create_symlink("pid:[4026531836]", proc.root() / "self/ns/pid");
  EXPECT_EQ(OwnerMark(77, proc.root()).value(), "pid=77 start=4242 pidns=4026531836");
}

// Pids of a container's namespace are others' here, or nobody's.
TEST(RemoveStale, LeavesARunOfAnotherPidNamespaceAlone) {
  const FakeTree proc;
  proc.Group("77", {{"stat", "77 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 0\n"}});
  proc.Group("self/ns");
  std::filesystem::create_symlink("pid:[4026531836]", proc.root() / "self/ns/pid");
  const FakeTree tree;
  const auto container = tree.Group(CapsuleName(42));
  const auto marked = container.Mark("pid=42 start=4242 pidns=4026532201");
  if (!marked && marked.error().code == EOPNOTSUPP) {
    GTEST_SKIP() << "the temporary directory's file system has no extended attributes";
  }
  ASSERT_TRUE(marked);
  const auto older = tree.Group(CapsuleName(77));  // a mark of the version before
  ASSERT_TRUE(older.Mark("pid=77 start=4242"));
  const auto report = RemoveStale(tree.Group(""), proc.root());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->removed.empty());
  EXPECT_EQ(report->in_use, (std::vector{container.path(), older.path()}));

  ASSERT_TRUE(older.Mark("pid=77 start=42"));  // of a process before this one: its owner is gone
  EXPECT_FALSE(RemoveStale(tree.Group(""), proc.root()))
      << "a fake group cannot be removed: it was tried";
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
