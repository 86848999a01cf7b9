#include "harness/probe/residency.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "harness/base/file.h"

namespace nodeproof::probe {

Status WriteUncachedFile(const std::filesystem::path& path, Bytes size) {
  constexpr size_t kBlock = 1 << 20;
  if (size.value <= 0 || size.value % static_cast<int64_t>(kBlock) != 0) {
    return Fail("size of {} must be a multiple of 1 MiB", path.string());
  }
  const Fd fd = TRY(OpenAt(AT_FDCWD, path.string(), O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0600));
  const std::unique_ptr<void, void (*)(void*)> block(std::aligned_alloc(4096, kBlock), &std::free);
  if (!block) return FailErrno(ENOMEM, "allocate a block");
  // Not zeros: a device or file system may keep those without storing them.
  auto* words = static_cast<uint64_t*>(block.get());
  for (size_t i = 0; i < kBlock / sizeof *words; ++i) words[i] = i * 0x9E3779B97F4A7C15u;
  for (int64_t done = 0; done < size.value; done += static_cast<int64_t>(kBlock)) {
    TRY(WriteAll(fd.get(), {static_cast<const char*>(block.get()), kBlock}, path.string()));
  }
  if (::fsync(fd.get()) != 0) return FailErrno(errno, fmt::format("fsync {}", path.string()));
  return {};
}

Result<Residency> Residency::Open(const std::filesystem::path& path) {
  const Fd fd = TRY(OpenAt(AT_FDCWD, path.string(), O_RDONLY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return FailErrno(errno, fmt::format("stat {}", path.string()));
  void* map =
      ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) return FailErrno(errno, fmt::format("map {}", path.string()));
  return Residency(map, Bytes{status.st_size});
}

Residency::Residency(Residency&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)), size_(other.size_) {}

Residency::~Residency() {
  if (map_ != nullptr) ::munmap(map_, static_cast<size_t>(size_.value));
}

Result<Bytes> Residency::Resident() const {
  const int64_t page = ::sysconf(_SC_PAGESIZE);
  std::vector<unsigned char> resident(static_cast<size_t>((size_.value + page - 1) / page));
  if (::mincore(map_, static_cast<size_t>(size_.value), resident.data()) != 0) {
    return FailErrno(errno, "mincore");
  }
  int64_t pages = 0;
  for (const unsigned char byte : resident) pages += byte & 1;
  return Bytes{pages * page};
}

}  // namespace nodeproof::probe
