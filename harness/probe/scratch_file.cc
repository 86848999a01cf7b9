#include "harness/probe/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "harness/base/file.h"

namespace nodeproof::probe {

Result<ScratchFile> ScratchFile::Write(const std::filesystem::path& directory, Bytes size) {
  constexpr size_t kBlock = 1 << 20;
  if (size.value <= 0 || size.value % static_cast<int64_t>(kBlock) != 0) {
    return Fail("a scratch file's size must be a multiple of 1 MiB, not {} bytes", size.value);
  }
  const std::string name = fmt::format("an unnamed file in {}", directory.string());
  Fd fd = TRY(OpenAt(AT_FDCWD, directory.string(), O_RDWR | O_TMPFILE | O_DIRECT, 0600));
  const std::unique_ptr<void, void (*)(void*)> block(std::aligned_alloc(4096, kBlock), &std::free);
  if (!block) return FailErrno(ENOMEM, "allocate a block");
  // Not zeros: a device or file system may keep those without storing them.
  auto* words = static_cast<uint64_t*>(block.get());
  for (size_t i = 0; i < kBlock / sizeof *words; ++i) words[i] = i * 0x9E3779B97F4A7C15u;
  for (int64_t done = 0; done < size.value; done += static_cast<int64_t>(kBlock)) {
    TRY(WriteAll(fd.get(), {static_cast<const char*>(block.get()), kBlock}, name));
  }
  if (::fsync(fd.get()) != 0) return FailErrno(errno, "fsync " + name);
  return ScratchFile(std::move(fd));
}

Result<ScratchFile> ScratchFile::Holes(const std::filesystem::path& directory, Bytes size) {
  Fd fd = TRY(OpenAt(AT_FDCWD, directory.string(), O_RDWR | O_TMPFILE, 0600));
  if (::ftruncate(fd.get(), size.value) != 0) {
    return FailErrno(errno, fmt::format("size an unnamed file in {}", directory.string()));
  }
  return ScratchFile(std::move(fd));
}

}  // namespace nodeproof::probe
