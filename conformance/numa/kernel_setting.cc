#include "conformance/numa/kernel_setting.h"

#include <cerrno>
#include <utility>

#include "conformance/claim.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {

Result<KernelSetting> KernelSetting::Set(const std::string& path, const std::string& value,
                                         const std::string& needs) {
  auto before = ReadFile(path);
  if (!before && before.error().code == ENOENT) {
    return Unsupported("the kernel has no {} ({})", path, needs);
  }
  KernelSetting setting(path, std::string(Trim(TRY(std::move(before)))));
  TRY(WriteFileAt(AT_FDCWD, path, value));
  return setting;
}

KernelSetting::KernelSetting(KernelSetting&& other) noexcept
    : path_(std::exchange(other.path_, {})), before_(std::move(other.before_)) {}

KernelSetting::~KernelSetting() {
  if (!path_.empty()) (void)WriteFileAt(AT_FDCWD, path_, before_);
}

}  // namespace nodeproof::conformance
