// CPU lists: what parses prints canonically and reads back as the same set.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "harness/topology/cpu_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using nodeproof::CpuSet;
  const auto cpus = CpuSet::Parse(std::string_view(reinterpret_cast<const char*>(bytes), size));
  if (!cpus) {
    if (cpus.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = CpuSet::Parse(cpus->ToString());
  if (!again || *again != *cpus) std::abort();
  return 0;
}
