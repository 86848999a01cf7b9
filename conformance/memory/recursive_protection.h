// The mount option memory_recursiveprot, on or off for a while: it decides whether protection that
// nobody claims below a group is handed on to its children.
#pragma once

#include <memory>
#include <string>

#include "harness/base/result.h"

namespace nodeproof::conformance {

class RecursiveProtection {
 public:
  // Remounts the unified hierarchy at `mount_point` with the option or without, all others as they
  // are; as it was before once the object goes. Only for a node that nobody else uses. Errors
  // marked `unsupported`: a kernel that does not know the option, or does not change it.
  static Result<std::unique_ptr<RecursiveProtection>> Set(const std::string& mount_point, bool on);
  ~RecursiveProtection();

 private:
  RecursiveProtection(std::string mount_point, std::string before)
      : mount_point_(std::move(mount_point)), before_(std::move(before)) {}

  std::string mount_point_;
  std::string before_;  // the options
};

}  // namespace nodeproof::conformance
