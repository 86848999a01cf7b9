// Measuring how two groups of hogs share CPUs: the load and the samples behind the weight claims.
#pragma once

#include <vector>

#include "conformance/arm_context.h"
#include "harness/stress/cpu_hog.h"

namespace nodeproof::conformance {

// One side of a contest: where its hogs run (one for each CPU of the contest, pinned) and the group
// whose cpu.stat is read, which may be an ancestor.
struct Contender {
  std::string name;
  const cgroup::Cgroup* runs_in = nullptr;
  const cgroup::Cgroup* counted_at = nullptr;
};

// How long a window is, and how far a share of it can be off without any fault: at each edge the
// task that runs may have gone uncharged for a tick (4 ms at HZ=250), so 2 x 4 ms of 400 ms.
inline constexpr Milliseconds kShareWindow{400};
inline constexpr double kShareTolerance = 0.02;
// Of the share by work: its correction does not see hold-ups shorter than a round and 100 us. Some
// thousand of them a second (a host's interrupts and switches) are 0.1 of the time; when they hit
// one side only, a share s moves by s (1 - s) x 0.2, at most 0.05.
inline constexpr double kWorkTolerance = 0.05;

// Saturates `cpus` from both sides and measures the share of `second`, which must be
// `expected_share`: by usage_usec (the deciding check) and by work done, corrected for what a
// hypervisor took away. `tree` is told in the arm.
Result<results::Arm> MeasureShare(ArmContext& context, const capsule::Tree& tree,
                                  const CpuSet& cpus, const Contender& first,
                                  const Contender& second, double expected_share);

}  // namespace nodeproof::conformance
