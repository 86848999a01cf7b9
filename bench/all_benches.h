// Every benchmark that nodeproof has.
#pragma once

#include "bench/core/bench.h"

namespace nodeproof::bench {

void RegisterAllBenches(Registry& registry);

}  // namespace nodeproof::bench
