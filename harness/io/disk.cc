#include "harness/io/disk.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>

#include "harness/base/file.h"

namespace nodeproof::io {
namespace {

std::string SysPath(const std::string& number) { return "/sys/dev/block/" + number; }

std::unexpected<Error> NoSuchQueueFile(const std::string& path) {
  return std::unexpected(Error{fmt::format("the kernel has no {}", path), "", 0, true});
}

}  // namespace

Result<std::string> Disk::ReadQueue(const std::string& file) const {
  const std::string path = fmt::format("{}/queue/{}", SysPath(number), file);
  auto text = ReadFile(path);
  if (!text && text.error().code == ENOENT) return NoSuchQueueFile(path);
  return std::string(Trim(TRY(std::move(text))));
}

Status Disk::WriteQueue(const std::string& file, const std::string& value) const {
  const std::string path = fmt::format("{}/queue/{}", SysPath(number), file);
  auto written = WriteFileAt(AT_FDCWD, path, value);
  if (!written && written.error().code == ENOENT) return NoSuchQueueFile(path);
  return written;
}

Result<Disk> DiskOf(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return FailErrno(errno, "stat " + path);
  Disk disk;
  disk.number = fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev));
  if (ReadFile(SysPath(disk.number) + "/partition")) {
    disk.number = std::string(Trim(TRY(ReadFile(SysPath(disk.number) + "/../dev"))));
  }
  if (!ReadFile(SysPath(disk.number) + "/size")) {
    return std::unexpected(
        Error{fmt::format("{} is on no block device ({})", path, disk.number), "", 0, true});
  }
  std::error_code error;
  disk.name = std::filesystem::canonical(SysPath(disk.number), error).filename().string();
  disk.logical_block = Bytes{TRY(ParseInt(TRY(disk.ReadQueue("logical_block_size"))))};
  return disk;
}

}  // namespace nodeproof::io
