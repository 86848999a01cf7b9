// A disk that lives in memory and vanishes with its last user.
#pragma once

#include "harness/base/fd.h"
#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::node {

constexpr Bytes kMinScratch = MiB(16);

// An ext4 file system of `size` in an anonymous memory file, made by mke2fs. Errors: too small;
// mke2fs is missing (e2fsprogs) or fails, with its words.
Result<Fd> MakeScratchDisk(Bytes size);

}  // namespace nodeproof::node
