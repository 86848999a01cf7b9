#include "harness/base/result.h"

#include <cstring>

namespace nodeproof {

std::string Error::ToString() const {
  return hint.empty() ? message : fmt::format("{}; {}", message, hint);
}

std::unexpected<Error> FailErrno(int code, std::string what) {
  return std::unexpected(Error{fmt::format("{}: {}", what, std::strerror(code)), "", code});
}

Error WithHint(Error error, std::string hint) {
  error.hint = std::move(hint);
  return error;
}

}  // namespace nodeproof
