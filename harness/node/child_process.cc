#include "harness/node/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "harness/base/file.h"

namespace nodeproof::node {
namespace {

constexpr int kPipeBuffer = 1 << 20;  // fs.pipe-max-size of an unprivileged process

// Runs between fork and exec, in a copy of a process that may have had threads: only
// async-signal-safe calls. Returns only if something failed; errno says what.
void BecomeProgram(const SpawnSpec& spec, char* const* argv, pid_t parent, int null, int report) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
  if (::getppid() != parent) _exit(127);  // the parent ended before the line above
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(signal, SIG_DFL);
  const int output = spec.output >= 0 ? spec.output : null;
  const int errors = spec.errors >= 0 ? spec.errors : output;
  if (::dup2(null, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
      ::dup2(errors, STDERR_FILENO) < 0) {
    return;
  }
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return;
  for (const int fd : spec.inherited) {
    if (fd == report || ::fcntl(fd, F_SETFD, 0) != 0) return;
  }
  ::execv(argv[0], argv);
}

}  // namespace

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return FailErrno(errno, "set a pipe");
  // Over the user's pipe quota the default size stays, and the writer may wait a little.
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeBuffer);
  return pipe;
}

Result<ChildProcess> ChildProcess::Spawn(const SpawnSpec& spec) {
  std::vector<char*> argv;
  for (const std::string& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const Fd null = TRY(OpenAt(AT_FDCWD, "/dev/null", O_RDWR));
  int report[2];  // carries the errno of a failed exec; closed by a successful one
  if (::pipe2(report, O_CLOEXEC) != 0) return FailErrno(errno, "make a pipe");
  const Fd report_read(report[0]);
  Fd report_write(report[1]);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, fmt::format("start {}", spec.argv[0]));
  if (pid == 0) {
    BecomeProgram(spec, argv.data(), parent, null.get(), report_write.get());
    const int code = errno;
    [[maybe_unused]] const ssize_t put = ::write(report_write.get(), &code, sizeof code);
    _exit(127);
  }
  report_write.Close();
  ChildProcess child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (!child.pidfd_.valid()) return FailErrno(errno, fmt::format("watch {}", spec.argv[0]));
  int code = 0;
  ssize_t got = 0;
  do {
    got = ::read(report_read.get(), &code, sizeof code);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof code) return FailErrno(code, fmt::format("execute {}", spec.argv[0]));
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

void ChildProcess::Signal(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

void ChildProcess::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  Wait();
}

int ChildProcess::Wait() {
  int status = 0;
  if (pid_ <= 0) return status;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

std::string DescribeStatus(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("was killed by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("exited with status {}", WEXITSTATUS(status));
}

}  // namespace nodeproof::node
