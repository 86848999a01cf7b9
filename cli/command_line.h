// The command line as a whole: parses it, runs the subcommand, turns an Error into one `error:`
// line and exit status 2.
#pragma once

namespace nodeproof::cli {

// Exit statuses (docs/design.md, section 6). A claim's verdict decides between 0, 1 and 3.
inline constexpr int kExitOk = 0;
inline constexpr int kExitViolated = 1;
inline constexpr int kExitCannotRun = 2;
inline constexpr int kExitUndecided = 3;

int Main(int argc, char** argv);

}  // namespace nodeproof::cli
