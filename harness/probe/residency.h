// How much of a file is in the page cache.
#pragma once

#include <filesystem>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::probe {

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
