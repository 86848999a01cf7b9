// What a CPU did with its time, by the kernel's own account.
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

// The time by ticks that fell into user space (the 1st and 2nd number) and into the kernel,
// interrupts included (the 3rd, 6th and 7th). A CPU that misses ticks has less of both than passed.
Result<Nanoseconds> UserTimeIn(std::string_view stat, int cpu);
Result<Nanoseconds> KernelTimeIn(std::string_view stat, int cpu);

}  // namespace nodeproof::measure
