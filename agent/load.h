// One load for a while, alone: what the comparison scripts hold against their peers.
#pragma once

#include <string>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::agent {

// Runs the load `name` (a victim or an aggressor of the interference matrix, page-cache-fill or
// named-file) in one process for `duration` and prints {"name", "done", "seconds"}. Errors: no such
// load (the hint names all); it cannot run here.
Status RunLoad(const std::string& name, Seconds duration);

}  // namespace nodeproof::agent
