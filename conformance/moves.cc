#include "conformance/moves.h"

namespace nodeproof::conformance {

bool MoveTo(pid_t pid, const CpuSet& cpus) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int cpu : cpus) CPU_SET(static_cast<size_t>(cpu), &mask);
  return ::sched_setaffinity(pid, sizeof mask, &mask) == 0;
}

OffCpu::OffCpu(int cpu) {
  ::sched_getaffinity(0, sizeof before_, &before_);
  cpu_set_t mask = before_;
  CPU_CLR(static_cast<size_t>(cpu), &mask);
  (void)::sched_setaffinity(0, sizeof mask, &mask);
}

OffCpu::~OffCpu() { (void)::sched_setaffinity(0, sizeof before_, &before_); }

}  // namespace nodeproof::conformance
