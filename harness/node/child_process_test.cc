#include "harness/node/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

using testing::HasSubstr;

// What a program writes until it ends.
std::string OutputOf(SpawnSpec spec) {
  auto output = MakePipe();
  if (!output) return output.error().message;
  spec.output = output->write.get();
  auto child = ChildProcess::Spawn(spec);
  if (!child) return child.error().message;
  output->write.Close();
  child->Wait();
  std::string text(65536, '\0');
  const ssize_t got = ::read(output->read.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

TEST(ChildProcess, HasJustTheDescriptorsItIsGiven) {
  const auto given = MemoryFile("given", false);
  const auto leaked = MemoryFile("leaked", /*inherited=*/true);
  ASSERT_TRUE(given && leaked);
  SpawnSpec spec;
  spec.argv = {"/bin/ls", "-l", "/proc/self/fd"};
  spec.inherited = {given->get()};
  const std::string listing = OutputOf(spec);
  EXPECT_THAT(listing, HasSubstr(fmt::format(" {} -> /memfd:given", given->get())));
  EXPECT_THAT(listing, testing::Not(HasSubstr("leaked")));
  EXPECT_THAT(listing, HasSubstr(" 0 -> /dev/null"));
}

TEST(ChildProcess, IsInAProcessGroupOfItsOwn) {
  SpawnSpec spec;
  spec.argv = {"/bin/cat", "/proc/self/stat"};
  const std::string stat = OutputOf(spec);
  const auto words = Words(stat);
  ASSERT_GT(words.size(), 4U);
  EXPECT_EQ(words[0], words[4]);  // pid and process group
}

TEST(ChildProcess, SaysWhyAProgramCannotBeExecuted) {
  SpawnSpec spec;
  spec.argv = {"/nonexistent/program"};
  const auto child = ChildProcess::Spawn(spec);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().message, "execute /nonexistent/program: No such file or directory");
  EXPECT_EQ(child.error().code, ENOENT);
}

TEST(ChildProcess, EndsWhenItsHandleGoes) {
  SpawnSpec spec;
  spec.argv = {"/bin/sleep", "1000"};
  pid_t pid = 0;
  {
    auto child = ChildProcess::Spawn(spec);
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(ChildProcess, DiesWithAParentThatIsKilled) {
  // The parent of the program is a process that says the program's pid and is then killed.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    SpawnSpec spec;
    spec.argv = {"/bin/sleep", "1000"};
    auto child = ChildProcess::Spawn(spec);
    const int said = child ? child->pid() : -1;
    if (::write(ends[1], &said, sizeof said) != sizeof said) _exit(1);
    for (;;) ::pause();
  }
  int pid = -1;
  ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  ::close(ends[0]);
  ::close(ends[1]);
  ASSERT_GT(pid, 0);
  const Fd watched(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(watched.valid());
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  pollfd ended{watched.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 5000), 1);
}

TEST(DescribeStatus, SaysHowItEnded) {
  EXPECT_EQ(DescribeStatus(3 << 8), "exited with status 3");
  EXPECT_EQ(DescribeStatus(SIGKILL), "was killed by signal 9 (Killed)");
}

}  // namespace
}  // namespace nodeproof::node
