#include "cli/paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace nodeproof::cli {
namespace {

// Where a session's own folder is not known, as below cron and sudo.
std::filesystem::path SystemState() {
  if (::geteuid() == 0) return "/run/nodeproof";
  return fmt::format("/tmp/nodeproof-{}", ::geteuid());
}

// A file that belongs to this program and stands beside it. `access`: what must be allowed, as
// access(2) has it.
Result<std::filesystem::path> Beside(const char* name, int access, std::string_view allowed) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Fail("read /proc/self/exe: {}", error.message());
  const auto path = self.parent_path() / name;
  if (::access(path.c_str(), access) != 0) {
    return std::unexpected(Error{fmt::format("{} is not there or not {}", path.string(), allowed),
                                 fmt::format("keep nodeproof and {} in one folder", name), 0});
  }
  return path;
}

}  // namespace

Result<std::filesystem::path> AgentPath() { return Beside("nodeproof-agent", X_OK, "executable"); }

Result<std::filesystem::path> StillClockPath() {
  return Beside("nodeproof-still-clock.so", R_OK, "readable");
}

std::filesystem::path StateDirectory() {
  // `sudo -E` and containers hand on a folder that is somebody else's or not there.
  struct stat status {};
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/' &&
                                                            ::stat(runtime, &status) == 0 &&
                                                            status.st_uid == ::geteuid()) {
    return std::filesystem::path(runtime) / "nodeproof";
  }
  return SystemState();
}

std::vector<std::filesystem::path> StateDirectories() {
  const std::string login = fmt::format("/run/user/{}/nodeproof", ::geteuid());
  std::vector<std::filesystem::path> found;
  for (const std::filesystem::path& state :
       {StateDirectory(), std::filesystem::path(login), SystemState()}) {
    struct stat status {};
    const bool ours = ::lstat(state.c_str(), &status) == 0 && status.st_uid == ::geteuid();
    if (ours && std::ranges::find(found, state) == found.end()) found.push_back(state);
  }
  return found;
}

}  // namespace nodeproof::cli
