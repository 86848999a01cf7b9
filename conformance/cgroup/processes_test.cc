#include "conformance/cgroup/processes.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "harness/cgroup/fake_tree.h"

namespace nodeproof::conformance {
namespace {

TEST(ProcessesBelow, CountsEveryLevel) {
  const cgroup::FakeTree tree;
  const cgroup::Cgroup root = tree.Group("", {{"cgroup.procs", ""}});
  tree.Group("a", {{"cgroup.procs", "12\n14\n"}});
  tree.Group("a/b", {{"cgroup.procs", "15\n"}});
  tree.Group("c", {{"cgroup.procs", "7\n8\n9\n"}});
  EXPECT_EQ(ProcessesBelow(root).value(), 6);
}

TEST(ProcessesBelow, AGroupWithoutTheFileIsAnError) {
  const cgroup::FakeTree tree;
  const cgroup::Cgroup root = tree.Group("", {{"cgroup.procs", "1\n"}});
  tree.Group("gone");
  EXPECT_FALSE(ProcessesBelow(root));
}

TEST(CodeOf, IsZeroForSuccess) {
  EXPECT_EQ(CodeOf(Status()), 0);
  EXPECT_EQ(CodeOf(FailErrno(EBUSY, "write")), EBUSY);
}

}  // namespace
}  // namespace nodeproof::conformance
