// A program started by argv, with just the descriptors it is meant to have, that cannot outlive us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::node {

struct SpawnSpec {
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<int> inherited;     // stay open under their numbers; all others are closed
  int output = -1;                // takes stdout and stderr
  int errors = -1;                // takes stderr in place of `output`
};

// A pipe whose ends are both close-on-exec and whose reading end does not block. Its buffer is as
// large as an unprivileged process may have (1 MiB), so that a writer seldom waits for us.
struct Pipe {
  Fd read;
  Fd write;
};
Result<Pipe> MakePipe();

class ChildProcess {
 public:
  // Starts a program in a process group of its own (a terminal's ^C does not reach it), with
  // stdin from /dev/null; the kernel kills it when the calling thread ends, however it ends
  // (PR_SET_PDEATHSIG). Errors: the program cannot be executed, with the errno of execve(2).
  static Result<ChildProcess> Spawn(const SpawnSpec& spec);

  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess() { Kill(); }

  pid_t pid() const { return pid_; }
  // Polls readable when the process has ended.
  int pidfd() const { return pidfd_.get(); }

  void Signal(int signal) const;
  // Ends it at once and reaps it. Does nothing if it has been reaped.
  void Kill();
  // Waits for its end; its status as waitpid(2) gives it.
  int Wait();

 private:
  ChildProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_ = -1;
  Fd pidfd_;
};

// "exited with status 1", "was killed by signal 9 (Killed)".
std::string DescribeStatus(int status);

}  // namespace nodeproof::node
