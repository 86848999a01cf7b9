#include "bench/mechanics/missing_names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::bench {

// Pids come again within a boot, times do not.
MissingNames::MissingNames(Fd directory)
    : directory_(std::move(directory)),
      head_(fmt::format("nodeproof.{}.{}.{}.", ::getpid(), MonotonicClock().Now().count(),
                        std::string(160, 'n'))) {}

Result<MissingNames> MissingNames::In(const std::filesystem::path& directory) {
  return MissingNames(TRY(OpenAt(AT_FDCWD, directory.string(), O_PATH | O_DIRECTORY)));
}

Status MissingNames::LookUp() {
  struct stat status {};
  const std::string name = fmt::format("{}{}", head_, next_++);
  if (::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return Fail("{} exists", name);
  }
  if (errno != ENOENT) return FailErrno(errno, "look up a name that does not exist");
  return {};
}

}  // namespace nodeproof::bench
