#include "harness/io/io_ring.h"

#include <cerrno>
#include <cstring>

#include "harness/base/file.h"

namespace nodeproof::io {
namespace {

constexpr const char* kDisabled = "/proc/sys/kernel/io_uring_disabled";

std::unexpected<Error> NoRing(int code) {
  const auto disabled = ReadFile(kDisabled);
  std::string why = fmt::format("io_uring cannot be used here: {}", std::strerror(code));
  if (disabled && Trim(*disabled) != "0") {
    why += fmt::format(" ({} is {})", kDisabled, Trim(*disabled));
  }
  const bool unsupported = code == ENOSYS || code == EPERM || code == EACCES;
  return std::unexpected(Error{std::move(why), "", code, unsupported});
}

}  // namespace

void IoRing::Exit::operator()(io_uring* ring) const {
  ::io_uring_queue_exit(ring);
  delete ring;
}

Result<IoRing> IoRing::Create(unsigned depth) {
  auto ring = std::make_unique<io_uring>();
  const int error = ::io_uring_queue_init(depth, ring.get(), 0);
  if (error < 0) return NoRing(-error);
  return IoRing(std::unique_ptr<io_uring, Exit>(ring.release()));
}

}  // namespace nodeproof::io
