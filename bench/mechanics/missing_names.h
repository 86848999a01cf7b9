// Look-ups of names that do not exist: each leaves a negative dentry with an external name behind,
// 448 bytes of reclaimable slab on the account of whoever looked (fs/dcache.c; see
// stress::SlabGrowth).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "harness/base/fd.h"
#include "harness/base/result.h"

namespace nodeproof::bench {

class MissingNames {
 public:
  // In a directory of a file system that keeps negative dentries: ext4, say, and not tmpfs or
  // sysfs. Nothing is written there.
  static Result<MissingNames> In(const std::filesystem::path& directory);

  // Another name each time, in all processes.
  Status LookUp();

 private:
  explicit MissingNames(Fd directory);
  Fd directory_;
  std::string head_;
  int64_t next_ = 0;
};

}  // namespace nodeproof::bench
