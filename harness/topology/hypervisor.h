// What runs this machine, as its CPU tells every program.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace nodeproof {

// The signature of a hypervisor, "TCGTCGTCGTCG" or "KVMKVMKVM" say, from EBX, ECX and EDX of CPUID
// leaf 0x40000000 (the leaf that hypervisors have agreed on; target/i386/cpu.c of QEMU).
std::string SignatureOf(const std::array<uint32_t, 3>& registers);

// Whether QEMU's TCG executes this machine's instructions: it models no caches and no memory but
// its host's. False on other architectures than x86-64, which have no such leaf.
bool RunsUnderTcg();

}  // namespace nodeproof
