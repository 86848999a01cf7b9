#include "conformance/pids/refusals.h"

#include <gtest/gtest.h>

#include "harness/base/file.h"
#include "harness/cgroup/fake_tree.h"

namespace nodeproof::conformance {
namespace {

TEST(RefusalsCountAtTheLimit, OnlyWhereTheKernelTellsLocalEventsApart) {
  const cgroup::FakeTree tree;
  const cgroup::Cgroup before = tree.Group("before", {{"pids.events", "max 0\n"}});
  EXPECT_FALSE(RefusalsCountAtTheLimit(before).value());
  const cgroup::Cgroup since =
      tree.Group("since", {{"pids.events", "max 0\n"}, {"pids.events.local", "max 0\n"}});
  // A hierarchy that is mounted with pids_localevents keeps the old meaning.
  const bool old_meaning =
      ReadFile("/proc/self/mountinfo").value().find("pids_localevents") != std::string::npos;
  EXPECT_EQ(RefusalsCountAtTheLimit(since).value(), !old_meaning);
}

}  // namespace
}  // namespace nodeproof::conformance
