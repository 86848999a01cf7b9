// Ways in which a process comes to life, each followed by its death.
#pragma once

#include <string_view>

#include "harness/base/result.h"
#include "harness/cgroup/cgroup.h"

namespace nodeproof::bench {

enum class Birth {
  kFork,
  kVfork,
  kClone3Into,       // clone3(2) with CLONE_INTO_CGROUP
  kForkThenMigrate,  // fork(2), then the parent writes the child's pid to cgroup.procs
};

// Starts a child that exits at once, and waits for its end. `group` is needed by the last two.
Status BirthAndDeath(Birth birth, const cgroup::Cgroup* group);

}  // namespace nodeproof::bench
