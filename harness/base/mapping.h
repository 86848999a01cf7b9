// Memory that a load maps for itself and keeps until it ends.
#pragma once

#include <sys/mman.h>

#include "harness/base/units.h"

namespace nodeproof {

// Anonymous memory that has no page yet and never gets a huge one: touched page by page it is
// charged, placed and limited page by page. `sharing` is MAP_PRIVATE or MAP_SHARED, and other flags
// of mmap(2). nullptr: the kernel refused, errno says why.
inline char* MapSmallPages(Bytes size, int sharing = MAP_PRIVATE) {
  const auto length = static_cast<size_t>(size.value);
  void* mapped = ::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                        sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  ::madvise(mapped, length, MADV_NOHUGEPAGE);
  return static_cast<char*>(mapped);
}

}  // namespace nodeproof
