#include "harness/probe/residency.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "harness/base/file.h"

namespace nodeproof::probe {

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
