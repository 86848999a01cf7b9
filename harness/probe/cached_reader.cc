#include "harness/probe/cached_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "harness/base/file.h"

namespace nodeproof::probe {
namespace {

constexpr int kExitReadFailed = 119;

int ReadOverAndOver(const std::string& path, CachedReader::Counters& counters,
                    const cgroup::ReadySignal& ready) {
  const auto file = OpenAt(AT_FDCWD, path, O_RDONLY);
  if (!file) return kExitReadFailed;
  // No read-ahead beyond what is read: only the file's own pages are brought in.
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_RANDOM);
  std::vector<char> buffer(256 << 10);
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(file->get(), buffer.data(), buffer.size(), at);
    if (got < 0) return kExitReadFailed;
    at += got;
    if (got == 0) {
      at = 0;
      ++counters.passes;
      ready.Notify();
    }
  }
}

}  // namespace

Result<CachedReader> CachedReader::Start(const CachedReaderOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return ReadOverAndOver(options.file.string(), counters, ready);
      }));
  return CachedReader(std::move(worker));
}

}  // namespace nodeproof::probe
