#include "bench/mechanics/births.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace nodeproof::bench {
namespace {

long CloneInto(const cgroup::Cgroup& group) {
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<uint64_t>(group.fd());
  return ::syscall(SYS_clone3, &args, sizeof args);
}

Status WaitFor(long pid) {
  int status = 0;
  while (::waitpid(static_cast<pid_t>(pid), &status, 0) < 0) {
    if (errno != EINTR) return FailErrno(errno, "wait for a child");
  }
  return {};
}

// A child that is moved must still be there: it waits for the other end of a pipe to close.
Status ForkThenMigrate(const cgroup::Cgroup& group) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[1]);
    char byte = 0;
    (void)!::read(ends[0], &byte, 1);
    ::_exit(0);
  }
  ::close(ends[0]);
  const int code = errno;
  const Status moved = pid < 0 ? Status(FailErrno(code, "fork"))
                               : group.Write("cgroup.procs", fmt::format("{}", pid));
  ::close(ends[1]);
  if (pid > 0) TRY(WaitFor(pid));
  return moved;
}

}  // namespace

Status BirthAndDeath(Birth birth, const cgroup::Cgroup* group) {
  if (birth == Birth::kForkThenMigrate) return ForkThenMigrate(*group);
  long pid = -1;
  if (birth == Birth::kVfork) {
    pid = ::vfork();
  } else {
    pid = birth == Birth::kFork ? ::fork() : CloneInto(*group);
  }
  if (pid == 0) ::_exit(0);
  if (pid < 0) return FailErrno(errno, "start a child");
  return WaitFor(pid);
}

}  // namespace nodeproof::bench
