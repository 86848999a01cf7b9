// Direct I/O goes in multiples of a block, and the kernel says no more than EINVAL when it does
// not.
#pragma once

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::io {

// What the length and offset of direct I/O on the open file must be multiples of: statx(2) with
// STATX_DIOALIGN (kernel 6.1), else the logical block of the disk below it, else 512. An Error for
// a file that knows no direct I/O at all (statx() says so, or O_DIRECT was refused).
Result<Bytes> DirectAlignment(int fd, const std::string& name);

// An Error that names the file, the length and what it must be a multiple of.
Status CheckAlignment(const std::string& name, Bytes block, Bytes alignment);

}  // namespace nodeproof::io
