#include "harness/probe/cached_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "harness/base/clock.h"
#include "harness/base/file.h"

namespace nodeproof::probe {
namespace {

constexpr int kExitReadFailed = 119;

// Returns when the next pass may begin.
void Rest(const CachedReader::Counters& counters) {
  const Clock& clock = MonotonicClock();
  while (counters.passes >= counters.allowed) clock.WaitUntil(clock.Now() + Milliseconds(2));
}

int ReadOverAndOver(const CachedReaderOptions& options, CachedReader::Counters& counters,
                    const cgroup::ReadySignal& ready) {
  const auto file = OpenAt(AT_FDCWD, options.file.string(), O_RDONLY);
  if (!file) return kExitReadFailed;
  // No read-ahead beyond what is read: only the file's own pages are brought in.
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_RANDOM);
  std::vector<char> buffer(256 << 10);
  counters.allowed += options.passes;
  Nanoseconds begun = MonotonicClock().Now();
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(file->get(), buffer.data(), buffer.size(), at);
    if (got < 0) return kExitReadFailed;
    at += got;
    counters.read_bytes += got;
    if (got == 0) {
      at = 0;
      counters.last_pass_ns = (MonotonicClock().Now() - begun).count();
      ++counters.passes;
      ready.Notify();
      if (options.passes > 0) Rest(counters);
      begun = MonotonicClock().Now();
    }
  }
}

}  // namespace

Result<CachedReader> CachedReader::Start(const CachedReaderOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return ReadOverAndOver(options, counters, ready);
      }));
  return CachedReader(std::move(worker));
}

}  // namespace nodeproof::probe
