// Errors by value. Every function that can fail returns Result<T>; nothing throws across rooms.
//
//   Result<int> ReadPeriod(const Cgroup& group) {
//     const std::string text = TRY(group.Read("cpu.max"));    // propagates the Error
//     if (text.empty()) return Fail("cpu.max is empty");       // a new Error
//     ...
//   }
//   if (auto written = file.Write(text); !written) Report(written.error());
//
// An Error says what was being done, on which file, with which errno and, where known, what to do.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace nodeproof {

struct Error {
  std::string message;       // one line, no trailing full stop
  std::string hint;          // one line that says what to do, or empty
  int code = 0;              // errno, or 0 when no system call failed
  bool unsupported = false;  // the node lacks something that was named: no fault of anybody's

  // "message; hint", the form that the command line prints.
  std::string ToString() const;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

template <typename... Args>
std::unexpected<Error> Fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...), "", 0});
}

// An Error for a failed system call: "<what>: <strerror(code)>".
std::unexpected<Error> FailErrno(int code, std::string what);

// The same error with a remedy.
Error WithHint(Error error, std::string hint);

}  // namespace nodeproof

#define NODEPROOF_CONCAT_(a, b) a##b
#define NODEPROOF_CONCAT(a, b) NODEPROOF_CONCAT_(a, b)
#define NODEPROOF_TRY_(result, ...)                                 \
  ({                                                                \
    auto&& result = (__VA_ARGS__);                                  \
    if (!result) return std::unexpected(std::move(result).error()); \
    *std::move(result);                                             \
  })
// The value of a Result, or a return of its Error from the calling function.
#define TRY(...) NODEPROOF_TRY_(NODEPROOF_CONCAT(try_result_, __COUNTER__), __VA_ARGS__)
