// How far a process can grow past memory.high while the kernel throttles it.
#pragma once

#include "harness/base/units.h"

namespace nodeproof::conformance {

// The most that a group with nothing to reclaim can hold `elapsed` after it met memory.high, when
// one task grows as fast as it may. From mem_cgroup_handle_over_high() and calculate_high_delay()
// of mm/memcontrol.c (since 5.8, the same in 6.1 and 6.12): for each batch of 64 pages charged at
// an overage of f = (usage - high) / high the task sleeps 64 f^2 seconds, at most 2 s, and not at
// all below 10 ms; in whole ticks, of which the longest, 10 ms, are assumed.
Bytes ThrottledUsage(Bytes high, Bytes page, Seconds elapsed);

}  // namespace nodeproof::conformance
