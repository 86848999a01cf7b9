#include "harness/cgroup/process.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "harness/base/file.h"
#include "harness/base/shared.h"

namespace nodeproof::cgroup {
namespace {

int SleepUntilKilled() {
  for (;;) ::pause();
}

TEST(Process, ReportsExitCodesAndSignals) {
  auto quick = Process::Spawn({.name = "quick"}, [] { return 7; });
  ASSERT_TRUE(quick);
  EXPECT_EQ(quick->Wait(Seconds(30)).value(), (Exit{false, 7}));

  auto slow = Process::Spawn({.name = "slow"}, SleepUntilKilled);
  ASSERT_TRUE(slow);
  EXPECT_TRUE(slow->Running().value());
  const auto early = slow->Wait(Seconds(0));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ETIMEDOUT);
  ASSERT_TRUE(slow->Signal(SIGKILL));
  EXPECT_EQ(slow->Wait(Seconds(30)).value(), (Exit{true, SIGKILL}));
  EXPECT_EQ(slow->Wait(Seconds(0))->ToString(), "killed by signal 9");
}

TEST(Process, SharesMemoryAndAppliesItsOptions) {
  struct Seen {
    std::atomic<int> cpu{-1};
    char name[16] = {};
  };
  const auto seen = Shared<Seen>::Create();
  ASSERT_TRUE(seen);
  cpu_set_t own;
  ASSERT_EQ(::sched_getaffinity(0, sizeof own, &own), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &own)) ++cpu;
  Seen* shared = seen->get();
  auto child = Process::Spawn({.name = "named", .affinity = CpuSet{cpu}}, [shared] {
    shared->cpu = ::sched_getcpu();
    const auto name = ReadFile("/proc/self/comm");
    if (name) name->copy(shared->name, sizeof shared->name - 1);
    return 0;
  });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->Wait(Seconds(30)).value(), (Exit{false, 0}));
  EXPECT_EQ(shared->cpu, cpu);
  EXPECT_STREQ(shared->name, "named\n");
}

TEST(Process, SetupFailureIsAnExitCodeOfItsOwn) {
  auto child = Process::Spawn({.affinity = CpuSet{60000}}, [] { return 0; });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->Wait(Seconds(30)).value(), (Exit{false, kExitSetupFailed}));
}

TEST(Process, DiesWithItsHandleAndWithItsParent) {
  pid_t pid = 0;
  {
    auto child = Process::Spawn({}, SleepUntilKilled);
    ASSERT_TRUE(child);
    pid = child->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);

  // A grandchild must not survive its parent's SIGKILL.
  const auto grandchild = Shared<std::atomic<pid_t>>::Create();
  ASSERT_TRUE(grandchild);
  std::atomic<pid_t>* shared = grandchild->get();
  auto parent = Process::Spawn({}, [shared] {
    auto child = Process::Spawn({}, SleepUntilKilled);
    *shared = child->pid();
    return SleepUntilKilled();
  });
  ASSERT_TRUE(parent);
  while (*shared == 0) ::sched_yield();
  parent->Kill();
  // Its new parent reaps it at some later time; the process itself must be gone or a zombie.
  for (;;) {
    const auto stat = ReadFile(fmt::format("/proc/{}/stat", shared->load()));
    if (!stat || stat->find(") Z ") != std::string::npos) break;
    ::sched_yield();
  }
}

}  // namespace
}  // namespace nodeproof::cgroup
