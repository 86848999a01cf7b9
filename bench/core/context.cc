#include "bench/core/context.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "harness/topology/cpu_layout.h"

namespace nodeproof::bench {

Status CheckNeeds(const Bench& bench, const Environment& environment) {
  const Needs& needs = bench.needs;
  if (needs.own_node && !environment.owns_node) {
    return Unsupported("it needs a VM: {}", needs.why_own_node);
  }
  const CpuLayout wanted{.cpus = needs.cpus, .numa_nodes = needs.numa_nodes};
  if (const std::string lacks = Shortcoming(wanted, LayoutOf(environment.topology));
      !lacks.empty()) {
    return Unsupported("{}", lacks);
  }
  if (needs.memory > environment.memory) {
    return Unsupported("it needs {} of memory, the node has {}", FormatBytes(needs.memory),
                       FormatBytes(environment.memory));
  }
  if (needs.scratch && !environment.scratch) return Unsupported("{}", environment.why_no_scratch);
  const bool grouped = needs.cgroups || bench.place.depth > 0 || !needs.controllers.empty();
  if (grouped && environment.capsule == nullptr) {
    return Unsupported("no cgroup v2 to make groups in: {}", environment.why_no_cgroups);
  }
  for (const auto* list : {&needs.controllers, &bench.place.controllers}) {
    for (const std::string& controller : *list) {
      if (std::ranges::find(environment.controllers, controller) == environment.controllers.end()) {
        return Unsupported("the hierarchy has no controller {}", controller);
      }
    }
  }
  return {};
}

Context::Context(const Environment& environment, const cgroup::Cgroup* group)
    : environment_(environment), group_(group), random_(environment.seed) {}

Status Context::Pin(int cpu) const {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    return FailErrno(errno, fmt::format("pin to CPU {}", cpu));
  }
  return {};
}

void Context::BeginTrial(int64_t iterations, size_t most) {
  if (trials_.size() >= most) trials_.pop_front();
  trials_.push_back(std::make_unique<Trial>());
  trials_.back()->iterations = iterations;
}

}  // namespace nodeproof::bench
