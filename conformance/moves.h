// Who runs where, by sched_setaffinity(2): neighbours that want another's CPU, and the sampler out
// of its way.
#pragma once

#include <sched.h>

#include "harness/topology/cpu_set.h"

namespace nodeproof::conformance {

// As a neighbour does that wants a CPU: true if the kernel lets the process onto one of these,
// which are the only ones that it then asks for.
bool MoveTo(pid_t pid, const CpuSet& cpus);

// Keeps the calling thread, the arm's sampler, which goes before every normal task, off a CPU: one
// that looks every millisecond takes a tenth of it. Nothing happens where there is no other CPU.
// What is started while it lives inherits that.
class OffCpu {
 public:
  explicit OffCpu(int cpu);
  OffCpu(const OffCpu&) = delete;
  ~OffCpu();

 private:
  cpu_set_t before_{};
};

}  // namespace nodeproof::conformance
