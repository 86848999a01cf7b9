#include "harness/probe/swap_file.h"

#include <fcntl.h>
#include <sys/swap.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "harness/base/file.h"

namespace nodeproof::probe {
namespace {

// Version 1 (include/linux/swap.h, union swap_header).
std::string SwapHeader(Bytes size) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::string header(page, '\0');
  const std::array<uint32_t, 3> info = {
      1, static_cast<uint32_t>(static_cast<size_t>(size.value) / page - 1), 0};
  std::memcpy(header.data() + 1024, info.data(), sizeof info);
  header.replace(page - 10, 10, "SWAPSPACE2");
  return header;
}

}  // namespace

Result<std::unique_ptr<SwapFile>> SwapFile::Make(const std::filesystem::path& directory,
                                                 Bytes size) {
  auto file = std::unique_ptr<SwapFile>(new SwapFile((directory / "nodeproof-swap").string()));
  const Fd fd = TRY(OpenAt(AT_FDCWD, file->path_, O_RDWR | O_CREAT | O_EXCL, 0600));
  file->made_ = true;
  std::string content = SwapHeader(size);
  content.resize(1 << 20, '\0');
  for (int64_t at = 0; at < size.value; at += 1 << 20) {
    TRY(WriteAll(fd.get(), content, file->path_));  // no holes: the kernel wants every block
    if (at == 0) content.assign(content.size(), '\0');
  }
  if (::fsync(fd.get()) != 0) return FailErrno(errno, "fsync " + file->path_);
  if (::swapon(file->path_.c_str(), 0) != 0) {
    const int code = errno;
    auto failed = FailErrno(code, "swapon " + file->path_);
    failed.error().unsupported = code == EPERM || code == ENOSYS || code == EINVAL;
    return failed;
  }
  file->on_ = true;
  return file;
}

SwapFile::~SwapFile() {
  if (on_) ::swapoff(path_.c_str());
  if (made_) ::unlink(path_.c_str());
}

}  // namespace nodeproof::probe
