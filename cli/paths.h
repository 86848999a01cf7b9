// Where the program finds what belongs to it.
#pragma once

#include <filesystem>
#include <vector>

#include "harness/base/result.h"

namespace nodeproof::cli {

// nodeproof-agent, which stands beside this program. An Error says where it was looked for.
Result<std::filesystem::path> AgentPath();

// nodeproof-still-clock.so, which stands there too.
Result<std::filesystem::path> StillClockPath();

// Where running commands note what they may leave behind: $XDG_RUNTIME_DIR/nodeproof if that folder
// is ours, else /run/nodeproof for root and /tmp/nodeproof-<uid> for others.
std::filesystem::path StateDirectory();

// Where any process of this user may have noted that, also one with another environment: those of
// the folders above, and of /run/user/<uid>/nodeproof, that exist and are ours.
std::vector<std::filesystem::path> StateDirectories();

}  // namespace nodeproof::cli
