#include "cli/documents.h"

#include <sys/stat.h>

#include "harness/base/file.h"

namespace nodeproof::cli {

Result<std::string> LoadText(const std::string& path) {
  // A pipe may be anything that a shell hands us; a folder or a device is a mistake.
  const Fd fd = TRY(OpenAt(AT_FDCWD, path, O_RDONLY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return FailErrno(errno, fmt::format("stat {}", path));
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    return std::unexpected(Error{fmt::format("{}: not a file", path),
                                 "give the file itself, as in out/results.json", 0});
  }
  constexpr off_t kMost = off_t{512} << 20;
  if (status.st_size > kMost) {
    return Fail("{}: {} bytes, but at most {} can be read", path, status.st_size, kMost);
  }
  return ReadAll(fd.get(), path);
}

Result<results::Results> LoadResults(const std::string& path) {
  return results::ParseResults(TRY(LoadText(path)), path);
}

Result<reports::KnownList> LoadKnown(const std::string& path) {
  if (path.empty()) return reports::ShippedKnown();
  return reports::ParseKnown(TRY(LoadText(path)), path);
}

}  // namespace nodeproof::cli
