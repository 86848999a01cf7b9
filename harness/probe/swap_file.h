// A swap file, in use while the object lives.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::probe {

class SwapFile {
 public:
  // Makes it in `directory`, writes mkswap's header and turns it on. It needs a name while it is in
  // use: the kernel swaps to no unlinked file. A kernel that refuses is `unsupported`.
  static Result<std::unique_ptr<SwapFile>> Make(const std::filesystem::path& directory, Bytes size);
  ~SwapFile();
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;

 private:
  explicit SwapFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
  bool made_ = false;
  bool on_ = false;
};

}  // namespace nodeproof::probe
