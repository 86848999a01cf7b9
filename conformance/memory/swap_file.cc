#include "conformance/memory/swap_file.h"

#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "conformance/claim.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {

Result<std::unique_ptr<SwapFile>> SwapFile::Make(const std::filesystem::path& directory,
                                                 Bytes size) {
  auto file =
      std::unique_ptr<SwapFile>(new SwapFile((directory / "nodeproof-swap").string(), size));
  const Fd fd = TRY(OpenAt(AT_FDCWD, file->path_, O_RDWR | O_CREAT | O_EXCL, 0600));
  file->made_ = true;
  TRY(file->Fill(fd));
  TRY(file->WriteHeader(fd));
  if (::fsync(fd.get()) != 0) return FailErrno(errno, "fsync " + file->path_);
  if (::swapon(file->path_.c_str(), 0) != 0) {
    if (errno == EPERM || errno == ENOSYS || errno == EINVAL) {
      return Unsupported("swapon {}: {}", file->path_, std::strerror(errno));
    }
    return FailErrno(errno, "swapon " + file->path_);
  }
  file->on_ = true;
  return file;
}

SwapFile::~SwapFile() {
  if (on_) ::swapoff(path_.c_str());
  if (made_) ::unlink(path_.c_str());
}

// No holes: the kernel wants every block.
Status SwapFile::Fill(const Fd& fd) const {
  const std::string zeros(1 << 20, '\0');
  for (int64_t at = 0; at < size_.value; at += 1 << 20) TRY(WriteAll(fd.get(), zeros, path_));
  return {};
}

// mkswap's header, version 1 (include/linux/swap.h, union swap_header).
Status SwapFile::WriteHeader(const Fd& fd) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::string header(page, '\0');
  const std::array<uint32_t, 3> info = {
      1, static_cast<uint32_t>(static_cast<size_t>(size_.value) / page - 1), 0};
  std::memcpy(header.data() + 1024, info.data(), sizeof info);
  header.replace(page - 10, 10, "SWAPSPACE2");
  if (::pwrite(fd.get(), header.data(), page, 0) != static_cast<ssize_t>(page)) {
    return FailErrno(errno, "write the header of " + path_);
  }
  return {};
}

}  // namespace nodeproof::conformance
