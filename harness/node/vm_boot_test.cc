#include "harness/node/vm_boot.h"

#include <gtest/gtest.h>

namespace nodeproof::node {
namespace {

// As a guest's console said it, shortened.
constexpr const char* kStale =
    "[   10.481892] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\n"
    "[   10.482617] RIP: 0010:pick_task_fair+0x2f/0x140\n"
    "[   10.487695] Kernel panic - not syncing: Fatal exception in interrupt\n";

TEST(VmBoot, FindsTheKernelsWordOnItsDeath) {
  EXPECT_EQ(FindPanic(kStale), "Kernel panic - not syncing: Fatal exception in interrupt");
  EXPECT_EQ(FindPanic("[ 1.0] BUG: unable to handle page fault\r\n[ 1.1] more\n"),
            "BUG: unable to handle page fault");
  EXPECT_EQ(FindPanic("nodeproof-agent: fine\n"), "");
}

TEST(VmBoot, AStaleTranslationIsAFaultOfOldEmulatorsOnly) {
  EXPECT_TRUE(DiedOfStaleTranslation(kStale, "7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)"));
  EXPECT_TRUE(DiedOfStaleTranslation(kStale, "8.0.5"));
  EXPECT_FALSE(DiedOfStaleTranslation(kStale, "8.1.0"));
  EXPECT_FALSE(DiedOfStaleTranslation(kStale, "10.0.2"));
  EXPECT_FALSE(DiedOfStaleTranslation(kStale, ""));
}

TEST(VmBoot, AnotherOopsIsTheKernelsOwn) {
  // The first oops counts: an int3 that follows another one is its consequence.
  const std::string other = "[ 9.1] Oops: general protection fault: 0000 [#1] SMP\n";
  EXPECT_FALSE(DiedOfStaleTranslation(other, "7.2.22"));
  EXPECT_FALSE(DiedOfStaleTranslation(other + kStale, "7.2.22"));
  EXPECT_FALSE(DiedOfStaleTranslation("[ 9.1] Kernel panic - not syncing: VFS\n", "7.2.22"));
}

}  // namespace
}  // namespace nodeproof::node
