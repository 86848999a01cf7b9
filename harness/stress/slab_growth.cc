#include "harness/stress/slab_growth.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "harness/base/file.h"

namespace nodeproof::stress {
namespace {

using Kind = SlabGrowthOptions::Kind;

constexpr int kExitLookupFailed = 117;
constexpr int kExitNoFiles = 116;

int LookUpMissingNames(const SlabGrowthOptions& options, SlabGrowth::Counters& counters) {
  const auto directory = OpenAt(AT_FDCWD, options.directory.string(), O_PATH | O_DIRECTORY);
  if (!directory) return kExitLookupFailed;
  const std::string tail(200, 'n');
  for (int64_t i = 0; i < options.count; ++i) {
    const std::string name = fmt::format("{}.{}.{}", ::getpid(), i, tail);
    struct stat status {};
    if (::fstatat(directory->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 ||
        errno != ENOENT) {
      return kExitLookupFailed;
    }
    counters.made = i + 1;
  }
  return 0;
}

int HoldInodes(const SlabGrowthOptions& options, SlabGrowth::Counters& counters) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = static_cast<rlim_t>(options.count) + 64;
  files.rlim_max = std::max(files.rlim_max, files.rlim_cur);
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return kExitNoFiles;
  for (int64_t i = 0; i < options.count; ++i) {
    if (::memfd_create("nodeproof", MFD_CLOEXEC) < 0) return kExitNoFiles;
    counters.made = i + 1;
  }
  return 0;
}

}  // namespace

Result<SlabGrowth> SlabGrowth::Start(const SlabGrowthOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .oom_score_adj = options.oom_score_adj},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        const int failed = options.kind == Kind::kHeldInodes
                               ? HoldInodes(options, counters)
                               : LookUpMissingNames(options, counters);
        if (failed != 0) return failed;
        ready.Notify();
        for (;;) ::pause();
      }));
  return SlabGrowth(std::move(worker));
}

}  // namespace nodeproof::stress
