// A setting of the running kernel that a claim changes and puts back.
#pragma once

#include <string>

#include "harness/base/result.h"

namespace nodeproof::conformance {

// A one-word setting of the kernel, changed while this lives.
class KernelSetting {
 public:
  // `unsupported` where there is no such file; `needs` says what would provide it.
  static Result<KernelSetting> Set(const std::string& path, const std::string& value,
                                   const std::string& needs);
  KernelSetting(KernelSetting&& other) noexcept;
  KernelSetting& operator=(KernelSetting&&) = delete;
  ~KernelSetting();

 private:
  KernelSetting(std::string path, std::string before)
      : path_(std::move(path)), before_(std::move(before)) {}
  std::string path_;  // "" when moved from
  std::string before_;
};

}  // namespace nodeproof::conformance
