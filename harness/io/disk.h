// The disk below a file: the name that io.max and io.stat use for it, and its queue's settings.
#pragma once

#include <string>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::io {

struct Disk {
  std::string number;        // "259:0", as in io.max
  std::string name;          // "nvme0n1", as in /sys/block
  Bytes logical_block{512};  // what direct I/O goes in multiples of

  // /sys/dev/block/<number>/queue/<file>; an Error marked `unsupported` where the kernel has no
  // such file.
  Result<std::string> ReadQueue(const std::string& file) const;
  Status WriteQueue(const std::string& file, const std::string& value) const;
};

// The whole disk on which `path` lies, also when its file system is on a partition: io.max takes no
// partitions (block/blk-cgroup.c, blkcg_conf_open_bdev()). Errors: no such path; marked
// `unsupported` when no block device is below it (tmpfs, network, overlay).
Result<Disk> DiskOf(const std::string& path);

}  // namespace nodeproof::io
