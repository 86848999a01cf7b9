// Where the program finds what belongs to it.
#pragma once

#include <filesystem>

#include "harness/base/result.h"

namespace nodeproof::cli {

// nodeproof-agent, which stands beside this program. An Error says where it was looked for.
Result<std::filesystem::path> AgentPath();

// Where running commands note what they may leave behind: $XDG_RUNTIME_DIR/nodeproof if that folder
// is ours, else /run/nodeproof for root and /tmp/nodeproof-<uid> for others.
std::filesystem::path StateDirectory();

}  // namespace nodeproof::cli
