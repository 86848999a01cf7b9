#include "harness/stress/file_flood.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "harness/base/file.h"

namespace nodeproof::stress {
namespace {

using Kind = FileFloodOptions::Kind;

constexpr int kExitFileFailed = 118;
constexpr int64_t kPart = 256 << 10;

// Moves up to kPart at `at`; what it moved, 0 at the end of the file, below 0 on an error.
ssize_t MovePart(Kind kind, int fd, std::vector<char>& buffer, int64_t at, int64_t size) {
  const int64_t left = std::min(kPart, size - at);
  if (left <= 0) return 0;
  const auto length = static_cast<size_t>(left);
  if (kind == Kind::kWrite || kind == Kind::kWriteNew)
    return ::pwrite(fd, buffer.data(), length, at);
  if (kind == Kind::kReadTwice && ::pread(fd, buffer.data(), length, at) < 0) return -1;
  return ::pread(fd, buffer.data(), length, at);
}

int64_t TouchMapped(int fd, int64_t size, int64_t amount, FileFlood::Counters& counters) {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  void* map = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return -1;
  // No advice: a mapping read at random does not count as recent use (vma_has_recency()).
  const auto* bytes = static_cast<const volatile char*>(map);
  while (counters.moved < amount) {
    for (int64_t at = 0; at < size && counters.moved < amount; at += page) {
      (void)bytes[at];
      counters.moved += page;
    }
  }
  return counters.moved;
}

int64_t MoveParts(Kind kind, int fd, int64_t size, int64_t amount, FileFlood::Counters& counters) {
  std::vector<char> buffer(kPart, 'x');
  for (int64_t at = 0; counters.moved < amount;) {
    const ssize_t moved = MovePart(kind, fd, buffer, at, size);
    if (moved < 0) return -1;
    at = moved == 0 ? 0 : at + moved;
    counters.moved += moved;
  }
  return counters.moved;
}

int FlagsFor(Kind kind) {
  if (kind == Kind::kWriteNew) return O_WRONLY | O_TMPFILE;
  return kind == Kind::kWrite ? O_WRONLY : O_RDONLY;
}

int Flood(const FileFloodOptions& options, FileFlood::Counters& counters,
          const cgroup::ReadySignal& ready) {
  const bool write = options.kind == Kind::kWrite || options.kind == Kind::kWriteNew;
  const auto file = OpenAt(AT_FDCWD, options.file.string(), FlagsFor(options.kind), 0600);
  struct stat status {};
  if (!file || ::fstat(file->get(), &status) != 0) return kExitFileFailed;
  const int64_t size =
      options.kind == Kind::kWriteNew ? options.amount.value : int64_t{status.st_size};
  if (size == 0) return kExitFileFailed;
  // Only the parts that are asked for are brought in.
  if (!write) ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_RANDOM);
  const int64_t moved =
      options.kind == Kind::kMap
          ? TouchMapped(file->get(), size, options.amount.value, counters)
          : MoveParts(options.kind, file->get(), size, options.amount.value, counters);
  if (moved < 0) return kExitFileFailed;
  if (options.sync && ::fsync(file->get()) != 0) return kExitFileFailed;
  ready.Notify();
  for (;;) ::pause();
}

}  // namespace

Result<FileFlood> FileFlood::Start(const FileFloodOptions& options) {
  auto worker = TRY(cgroup::Worker<Counters>::Start(
      {.name = options.name, .group = options.group, .oom_score_adj = options.oom_score_adj},
      [&options](Counters& counters, const cgroup::ReadySignal& ready) {
        return Flood(options, counters, ready);
      }));
  return FileFlood(std::move(worker));
}

}  // namespace nodeproof::stress
