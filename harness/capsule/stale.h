// Who owns a capsule, and the removal of those whose owner is gone.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "harness/cgroup/cgroup.h"

namespace nodeproof::capsule {

// "nodeproof-<pid>.slice"
std::string CapsuleName(pid_t owner);

// What a capsule is marked with: the owner's pid, start time and pid namespace, which together name
// one process for as long as the machine is up. An error if there is no such process.
Result<std::string> OwnerMark(pid_t owner, const std::string& proc = "/proc");

struct StaleReport {
  std::vector<std::string> removed;  // paths of capsules whose owner is gone
  std::vector<std::string> in_use;   // paths of capsules whose owner runs, or cannot be looked for
  std::vector<std::string> foreign;  // named like a capsule but not marked by nodeproof
};

// Removes the stale capsules right below `parent`, and nothing else: a group that does not carry
// the mark is never touched, whatever its name, nor one whose owner is in another pid namespace (a
// run in a container that has the host's cgroup file system).
Result<StaleReport> RemoveStale(const cgroup::Cgroup& parent, const std::string& proc = "/proc");

}  // namespace nodeproof::capsule
