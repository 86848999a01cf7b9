// Files on a scratch file system, and how much of one is in the page cache.
#pragma once

#include <filesystem>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::probe {

// Writes a file of `size` with direct I/O: none of it is in the page cache afterwards, so its pages
// are charged to whoever reads them first. `size` must be a multiple of 1 MiB. Errors: no space, a
// file system without direct I/O (tmpfs before 6.6).
Status WriteUncachedFile(const std::filesystem::path& path, Bytes size);

// Looks at one file's pages in the page cache without bringing any in (mincore(2)).
class Residency {
 public:
  static Result<Residency> Open(const std::filesystem::path& path);
  Residency(Residency&& other) noexcept;
  Residency& operator=(Residency&&) = delete;
  ~Residency();

  Bytes size() const { return size_; }
  Result<Bytes> Resident() const;

 private:
  Residency(void* map, Bytes size) : map_(map), size_(size) {}
  void* map_;
  Bytes size_;
};

}  // namespace nodeproof::probe
