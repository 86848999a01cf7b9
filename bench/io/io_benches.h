// Benchmarks of block I/O through io_uring, past the page cache.
#pragma once

#include "bench/core/bench.h"

namespace nodeproof::bench {

void RegisterIoBenches(Registry& registry);

}  // namespace nodeproof::bench
