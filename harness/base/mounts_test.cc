#include "harness/base/mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodeproof {
namespace {

using testing::ElementsAre;

TEST(ParseMounts, ReadsWhatTheKernelWrites) {
  const auto mounts = ParseMounts(
      "21 1 8:1 / / rw,relatime - ext4 /dev/vda rw,errors=remount-ro\n"
      "25 30 0:23 /pod /sys/my\\040group\\134s rw,nosuid shared:4 master:2 - cgroup2 cgroup2 "
      "rw,nsdelegate,memory_recursiveprot\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  ASSERT_EQ(mounts.size(), 3U);
  const Mount* unified = FindMount(mounts, "cgroup2");
  ASSERT_EQ(unified, &mounts[1]);
  EXPECT_EQ(unified->root, "/pod");
  EXPECT_EQ(unified->point, "/sys/my group\\s");
  EXPECT_THAT(unified->super_options, ElementsAre("rw", "nsdelegate", "memory_recursiveprot"));
  EXPECT_TRUE(unified->HasOption("memory_recursiveprot"));
  EXPECT_FALSE(unified->HasOption("nosuid")) << "that is the mount's, not the file system's";
  EXPECT_FALSE(mounts[2].HasOption("memory_recursiveprot"));
  EXPECT_EQ(FindMount(mounts, "cgroup"), nullptr);
}

TEST(ParseMounts, LeavesOutOtherLines) {
  EXPECT_TRUE(ParseMounts("").empty());
  EXPECT_TRUE(
      ParseMounts("nonsense\n21 1 8:1 / / rw - ext4\n21 1 8:1 - ext4 /dev/vda rw\n").empty());
}

TEST(ReadMounts, SeesProc) {
  const auto mounts = ReadMounts();
  ASSERT_TRUE(mounts) << mounts.error().ToString();
  EXPECT_NE(FindMount(*mounts, "proc"), nullptr);
  EXPECT_FALSE(ReadMounts("/no/such/file"));
}

}  // namespace
}  // namespace nodeproof
