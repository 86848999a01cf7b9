// One boot of a gate: a `nodeproof run` of its own, so that a boot in a gate is a boot in a run,
// and one that dies takes nothing with it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/results/results.h"

namespace nodeproof::cli {

// Takes each line of a boot's progress.
using LineSink = std::function<void(std::string_view)>;

// Runs `program run ARGUMENTS --json` to its end and reads what it found. A run that could not run
// is an Error with its own words. When `interrupt_fd` becomes readable the run is told to end and
// the Error's code is EINTR; -1 for none.
Result<results::Results> RunBoot(const std::string& program,
                                 const std::vector<std::string>& arguments, const LineSink& sink,
                                 int interrupt_fd);

// The path of this program.
Result<std::string> SelfPath();

}  // namespace nodeproof::cli
