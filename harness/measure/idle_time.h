// How long a CPU had nothing to run, or ran no task, by the kernel's own account.
#pragma once

#include <string_view>

#include "harness/base/result.h"
#include "harness/base/units.h"

namespace nodeproof::measure {

// The time that `cpu` was idle since boot, waiting for I/O included, in steps of 10 ms (USER_HZ).
Result<Nanoseconds> IdleTime(int cpu);

// The same from the text of /proc/stat (proc_stat(5): the 4th and 5th number of line "cpuN").
Result<Nanoseconds> IdleTimeIn(std::string_view stat, int cpu);

// The time that interrupts and a hypervisor took from `cpu` since boot, in the same steps (the 6th
// to 8th number: irq, softirq, steal).
Result<Nanoseconds> TakenTime(int cpu);
Result<Nanoseconds> TakenTimeIn(std::string_view stat, int cpu);

}  // namespace nodeproof::measure
