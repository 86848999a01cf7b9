#include "bench/all_benches.h"

#include "bench/cpu/cpu_benches.h"

namespace nodeproof::bench {

void RegisterAllBenches(Registry& registry) { RegisterCpuBenches(registry); }

}  // namespace nodeproof::bench
