// One load for a while, alone: what the comparison scripts hold against their peers.
#pragma once

#include <string>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::agent {

// Runs the load `name` (a victim or an aggressor of the interference matrix, page-cache-fill or
// named-file) in one process for `duration` and prints {"name", "done", "seconds"}. Its files are
// in `directory`, whatever file system that is; "" is TMPDIR or /var/tmp, which must be on a disk.
// Errors: no such load (the hint names all); it cannot run here.
Status RunLoad(const std::string& name, Seconds duration, const std::string& directory);

}  // namespace nodeproof::agent
