#include "harness/cgroup/process.h"

#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "harness/base/file.h"

namespace nodeproof::cgroup {
namespace {

Status SetAffinity(const CpuSet& cpus) {
  if (cpus.empty()) return {};
  constexpr int kMost = 65536;
  cpu_set_t* mask = CPU_ALLOC(kMost);
  const size_t size = CPU_ALLOC_SIZE(kMost);
  CPU_ZERO_S(size, mask);
  for (const int cpu : cpus) CPU_SET_S(static_cast<size_t>(cpu), size, mask);
  const int failed = ::sched_setaffinity(0, size, mask);
  const int code = errno;
  CPU_FREE(mask);
  if (failed != 0) return FailErrno(code, fmt::format("pin to CPUs {}", cpus.ToString()));
  return {};
}

Status SetUpChild(const SpawnOptions& options, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return Fail("the parent died first");
  ::prctl(PR_SET_NAME, options.name.c_str());
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  if (options.oom_score_adj) {
    TRY(WriteFileAt(AT_FDCWD, "/proc/self/oom_score_adj",
                    fmt::format("{}", *options.oom_score_adj)));
  }
  return SetAffinity(options.affinity);
}

}  // namespace

std::string Exit::ToString() const {
  return signaled ? fmt::format("killed by signal {}", code) : fmt::format("exit {}", code);
}

Result<Process> Process::Spawn(const SpawnOptions& options, const std::function<int()>& body) {
  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (options.group != nullptr) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(options.group->fd());
  }
  const pid_t parent = ::getpid();
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) {
    const int code = errno;
    return FailErrno(code, fmt::format("start {} in cgroup {}", options.name,
                                       options.group ? options.group->path() : "(own)"));
  }
  if (pid == 0) {
    if (const auto ready = SetUpChild(options, parent); !ready) ::_exit(kExitSetupFailed);
    ::_exit(body());
  }
  return Process(static_cast<pid_t>(pid), Fd(pidfd));
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    exit_ = other.exit_;
  }
  return *this;
}

Process::~Process() { Kill(); }

void Process::Kill() {
  if (!pidfd_.valid() || exit_) return;
  (void)Signal(SIGKILL);
  (void)Wait(Seconds(30));
}

Status Process::Signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) != 0) {
    return FailErrno(errno, fmt::format("signal process {}", pid_));
  }
  return {};
}

Result<bool> Process::Running() const {
  if (exit_) return false;
  pollfd poll_fd{pidfd_.get(), POLLIN, 0};
  const int ready = ::poll(&poll_fd, 1, 0);
  if (ready < 0) return FailErrno(errno, "poll pidfd");
  return ready == 0;
}

Result<Nanoseconds> Process::CpuTime() const {
  clockid_t clock{};
  if (const int code = ::clock_getcpuclockid(pid_, &clock); code != 0) {
    return FailErrno(code, fmt::format("find the CPU clock of process {}", pid_));
  }
  timespec used{};
  if (::clock_gettime(clock, &used) != 0) {
    return FailErrno(errno, fmt::format("read the CPU clock of process {}", pid_));
  }
  return std::chrono::seconds(used.tv_sec) + Nanoseconds(used.tv_nsec);
}

Result<Exit> Process::Wait(Seconds timeout) {
  if (exit_) return *exit_;
  pollfd poll_fd{pidfd_.get(), POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<Milliseconds>(timeout).count();
  int ready = 0;
  do {
    ready = ::poll(&poll_fd, 1, static_cast<int>(milliseconds));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return FailErrno(errno, "poll pidfd");
  if (ready == 0) {
    return std::unexpected(Error{
        fmt::format("process {} did not end in {}", pid_, FormatDuration(timeout)), "", ETIMEDOUT});
  }
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED) !=
      0) {
    return FailErrno(errno, fmt::format("wait for process {}", pid_));
  }
  exit_ = Exit{info.si_code != CLD_EXITED, info.si_status};
  return *exit_;
}

}  // namespace nodeproof::cgroup
