#include "cli/run_record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/file.h"
#include "reports/reports.h"

namespace nodeproof::cli {
namespace {

constexpr std::string_view kSuffix = ".run";
constexpr const char* kOwnFolder = "set XDG_RUNTIME_DIR to a folder of yours";

constexpr const char* kReports[] = {"junit.xml", "results.ktap", "report.html",
                                    reports::kEvidenceFile, kConsoleFile};
constexpr const char* kGateFiles[] = {"gate.txt", "gate.md", "gate.json", "gate.html",
                                      "noise-floor.json"};

std::unexpected<Error> StateError(const std::unexpected<Error>& failed) {
  return std::unexpected(WithHint(failed.error(), kOwnFolder));
}

// The state folder must be ours: others could plant notes in one that is not.
Status CheckState(const std::filesystem::path& state) {
  struct stat status {};
  if (::lstat(state.c_str(), &status) != 0) {
    return StateError(FailErrno(errno, fmt::format("look at {}", state.string())));
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0) {
    return StateError(Fail("{} is not a folder that only this user can write", state.string()));
  }
  return {};
}

Result<std::vector<std::filesystem::path>> RemovePartials(const std::filesystem::path& out) {
  std::vector<const char*> names = {"results.json"};
  names.insert(names.end(), std::begin(kReports), std::end(kReports));
  names.insert(names.end(), std::begin(kGateFiles), std::end(kGateFiles));
  std::vector<std::filesystem::path> removed;
  for (const char* name : names) {
    const auto partial = PartialPath(out / name);
    if (::unlink(partial.c_str()) == 0) {
      removed.push_back(partial);
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return FailErrno(errno, fmt::format("remove {}", partial.string()));
    }
  }
  return removed;
}

}  // namespace

Result<RunRecord> RunRecord::Create(const std::filesystem::path& state,
                                    const std::filesystem::path& out) {
  if (::mkdir(state.c_str(), 0700) != 0 && errno != EEXIST) {
    return StateError(FailErrno(errno, fmt::format("create {}", state.string())));
  }
  TRY(CheckState(state));
  const auto path = state / fmt::format("{}{}", ::getpid(), kSuffix);
  auto fd = OpenAt(AT_FDCWD, path.string(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!fd) return StateError(std::unexpected(fd.error()));
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    return StateError(FailErrno(errno, fmt::format("lock {}", path.string())));
  }
  const auto noted = WriteAll(fd->get(), std::filesystem::absolute(out).string(), path.string());
  if (!noted) return StateError(std::unexpected(noted.error()));
  return RunRecord(*std::move(fd), path);
}

RunRecord::RunRecord(RunRecord&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

RunRecord::~RunRecord() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<std::vector<std::filesystem::path>> RemoveLeftovers(const std::filesystem::path& state) {
  std::vector<std::filesystem::path> removed;
  if (::access(state.c_str(), F_OK) != 0) return removed;
  TRY(CheckState(state));
  for (const std::string& name : TRY(ListDirectory(AT_FDCWD, state.string()))) {
    if (!name.ends_with(kSuffix)) continue;
    const auto path = state / name;
    const Fd fd = TRY(OpenAt(AT_FDCWD, path.string(), O_RDONLY | O_NOFOLLOW));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;  // it runs
    const std::filesystem::path out = TRY(ReadAll(fd.get(), path.string()));
    // A note that was cut short names no folder.
    const auto partials =
        out.is_absolute() ? TRY(RemovePartials(out)) : std::vector<std::filesystem::path>();
    removed.insert(removed.end(), partials.begin(), partials.end());
    ::unlink(path.c_str());
  }
  return removed;
}

void RemoveReports(const std::filesystem::path& out) {
  std::error_code ignored;  // what cannot be removed cannot be replaced either, which is told then
  for (const char* name : kReports) std::filesystem::remove(out / name, ignored);
}

}  // namespace nodeproof::cli
