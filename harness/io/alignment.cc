#include "harness/io/alignment.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "harness/io/disk.h"

namespace nodeproof::io {

Result<Bytes> DirectAlignment(int fd, const std::string& name) {
#ifdef STATX_DIOALIGN
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0) {
    if (status.stx_dio_offset_align == 0) {
      return std::unexpected(Error{fmt::format("{} knows no direct I/O", name),
                                   "use buffered I/O, or a file system on a disk", 0});
    }
    return Bytes{status.stx_dio_offset_align};
  }
#endif
  const auto disk = DiskOf(fmt::format("/proc/self/fd/{}", fd));
  return disk ? disk->logical_block : Bytes{512};
}

Status CheckAlignment(const std::string& name, Bytes block, Bytes alignment) {
  if (block.value > 0 && block.value % alignment.value == 0) return {};
  return std::unexpected(Error{
      fmt::format("{}: direct I/O there goes in multiples of {} bytes, and {} is none", name,
                  alignment.value, block.value),
      fmt::format("choose a block of {} bytes or a multiple, or buffered I/O", alignment.value),
      0});
}

}  // namespace nodeproof::io
