// Memory of a CXL type 3 device made system RAM: what `cxl create-region`, `ndctl create-namespace`
// and `daxctl reconfigure-device --mode=system-ram` do, by the kernel's sysfs files alone, so that
// a guest needs no tools.
#pragma once

#include <optional>
#include <string>

#include "harness/base/clock.h"
#include "harness/base/result.h"

namespace nodeproof::numa {

// Brings the whole persistent memory of the machine's one CXL memory device online and returns its
// NUMA node; nullopt on a machine whose PCI buses have no such device (class 0502). For a machine
// that is nobody else's: what the device held is lost.
//
// The chain: a region over the device's capacity (drivers/cxl/core/region.c), whose nvdimm region
// gets a namespace and a device of memory (drivers/nvdimm, Documentation/ABI/testing/sysfs-bus-
// nvdimm), which the kmem driver takes (drivers/dax/kmem.c). Each step waits until the kernel has
// made what the one before asked for. The kernel must put new memory online by itself, as movable
// (memhp_default_state=online_movable), so that none of its own data gets there.
//
// Errors: a file that did not come up is marked `unsupported` and named, with the module that makes
// it; a write that the kernel refused names file and value. `sysfs` is for tests.
Result<std::optional<int>> OnlineCxlMemory(const Clock& clock, const std::string& sysfs = "/sys");

}  // namespace nodeproof::numa
