#include "harness/topology/hypervisor.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nodeproof {

std::string SignatureOf(const std::array<uint32_t, 3>& registers) {
  char text[sizeof registers + 1] = {};
  std::memcpy(text, registers.data(), sizeof registers);
  return text;
}

bool RunsUnderTcg() {
#if defined(__x86_64__)
  // The leaf is not asked for behind the "hypervisor" flag: a CPU model may hide the flag, and what
  // a machine without a hypervisor answers is no signature.
  constexpr uint32_t kLeaf = 0x40000000;
  uint32_t most = 0;
  std::array<uint32_t, 3> registers{};
  __cpuid(kLeaf, most, registers[0], registers[1], registers[2]);
  return SignatureOf(registers) == "TCGTCGTCGTCG";
#else
  return false;
#endif
}

}  // namespace nodeproof
