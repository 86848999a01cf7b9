// A child process that is born inside a cgroup (clone3 with CLONE_INTO_CGROUP, kernel 5.7), so that
// its first page is charged there. It is killed when its parent dies, however that happens, and
// when this handle goes away.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/base/units.h"
#include "harness/cgroup/cgroup.h"
#include "harness/topology/cpu_set.h"

namespace nodeproof::cgroup {

struct SpawnOptions {
  std::string name = "child";     // comm of the process, at most 15 characters are kept
  const Cgroup* group = nullptr;  // nullptr: the caller's own group
  std::optional<int> oom_score_adj =
      std::nullopt;      // -1000 … 1000; below the parent's needs CAP_SYS_RESOURCE
  CpuSet affinity = {};  // empty: as the cgroup allows
};

struct Exit {
  bool signaled = false;
  int code = 0;  // exit code, or the signal's number
  bool operator==(const Exit&) const = default;
  // "exit 0", "killed by signal 9"
  std::string ToString() const;
};

// Exit codes of a child that could not be set up as SpawnOptions ask.
inline constexpr int kExitSetupFailed = 121;

class Process {
 public:
  // Runs `body` in the child, which exits with its return value. The child is a fork: it shares
  // no memory with the caller but nodeproof::Shared objects, and must not write to stdout.
  static Result<Process> Spawn(const SpawnOptions& options, const std::function<int()>& body);

  Process(Process&&) noexcept = default;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  // True until the process has ended.
  Result<bool> Running() const;
  // The CPU time that the kernel has charged it so far, what runs right now included.
  Result<Nanoseconds> CpuTime() const;
  // How it ended; an error with code ETIMEDOUT if it has not after `timeout`.
  Result<Exit> Wait(Seconds timeout);
  Status Signal(int signal) const;
  // Kills it and waits for its end.
  void Kill();

 private:
  Process(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  Fd pidfd_;
  std::optional<Exit> exit_;
};

}  // namespace nodeproof::cgroup
