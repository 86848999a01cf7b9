// Swap on the scratch disk, in use while an object lives.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::conformance {

class SwapFile {
 public:
  // Makes a swap file of `size` (a multiple of 1 MiB) in `directory` and turns it on. It has a name
  // while it lives: the kernel swaps to no unlinked file. `unsupported` where swapon(2) is refused.
  static Result<std::unique_ptr<SwapFile>> Make(const std::filesystem::path& directory, Bytes size);
  ~SwapFile();
  SwapFile(const SwapFile&) = delete;

 private:
  SwapFile(std::string path, Bytes size) : path_(std::move(path)), size_(size) {}
  Status Fill(const Fd& fd) const;
  Status WriteHeader(const Fd& fd) const;

  const std::string path_;
  const Bytes size_;
  bool made_ = false;
  bool on_ = false;
};

}  // namespace nodeproof::conformance
