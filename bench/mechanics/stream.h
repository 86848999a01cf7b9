// Streams through memory, which is what takes its bandwidth.
#pragma once

#include "bench/mechanics/region.h"

namespace nodeproof::bench {

enum class Stream { kRead, kWrite, kCopy };

// One pass over all of `region`; a copy goes from its first half to its second. Returns the bytes
// that were read and written.
int64_t StreamOnce(const Region& region, Stream kind);

}  // namespace nodeproof::bench
