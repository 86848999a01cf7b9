#include "bench/all_benches.h"

#include "bench/cpu/cpu_benches.h"
#include "bench/interference/interference_benches.h"
#include "bench/io/io_benches.h"
#include "bench/memory/memory_benches.h"
#include "bench/numa/numa_benches.h"

namespace nodeproof::bench {

void RegisterAllBenches(Registry& registry) {
  RegisterCpuBenches(registry);
  RegisterMemoryBenches(registry);
  RegisterNumaBenches(registry);
  RegisterIoBenches(registry);
  RegisterInterference(registry);
}

}  // namespace nodeproof::bench
