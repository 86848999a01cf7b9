// What ACPI's HMAT says of a NUMA node's memory, as the kernel publishes it for those who reach it
// fastest. Source: Documentation/admin-guide/mm/numaperf.rst; drivers/base/node.c (kernel 5.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/base/result.h"

namespace nodeproof::numa {

// Nanoseconds of a read of node `to` by a CPU of node `from`: `sysfs`/devices/system/node/node<to>/
// access0/initiators/read_latency, if `from` is among these initiators (class 0 holds those alone
// that are best for this memory). nullopt where the kernel says nothing of the pair.
Result<std::optional<int64_t>> ReadLatency(int from, int to, const std::string& sysfs = "/sys");

}  // namespace nodeproof::numa
