// A file for a claim's page cache: it has no name, so nothing of it can be left behind.
#pragma once

#include <filesystem>
#include <string>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::probe {

class ScratchFile {
 public:
  // Makes an unnamed file of `size` (a multiple of 1 MiB) on the file system of `directory` and
  // fills it with direct I/O: none of it is in the page cache afterwards, so its pages are charged
  // to whoever reads them first. Errors: no space; a file system without O_TMPFILE or O_DIRECT.
  static Result<ScratchFile> Write(const std::filesystem::path& directory, Bytes size);

  // Makes an unnamed file of `size` that has no block on the disk: it reads as zeros, through the
  // page cache but without I/O.
  static Result<ScratchFile> Holes(const std::filesystem::path& directory, Bytes size);

  // Opens the file in this process and in its children.
  std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

 private:
  explicit ScratchFile(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace nodeproof::probe
