#include "bench/cpu/cpu_benches.h"

namespace nodeproof::bench {

void RegisterCpuBenches(Registry& registry) {
  AddWakeups(registry);
  AddSwitches(registry);
  AddBirths(registry);
  AddGroupCosts(registry);
  AddRuntimes(registry);
  AddStatReads(registry);
  AddPolicy(registry);
}

}  // namespace nodeproof::bench
