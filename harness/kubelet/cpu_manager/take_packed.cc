#include "harness/kubelet/cpu_manager/take_by_topology.h"

namespace nodeproof::cpu_manager {

std::string_view AllocationError::TypeName() const {
  switch (failure) {
    case AllocationFailure::kSmtAlignment:
      return "SMTAlignmentError";
    case AllocationFailure::kEndlessHandOut:
      return "EndlessHandOut";
    case AllocationFailure::kSearchTooLarge:
      return "SearchTooLarge";
    case AllocationFailure::kUnusableTopology:
      return "UnusableTopology";
    case AllocationFailure::kNotEnoughCpus:
    case AllocationFailure::kAccounting:
    case AllocationFailure::kUnsatisfied:
      break;
  }
  return "error";
}

AllocationError NotEnoughCpus(int requested, size_t available) {
  return {AllocationFailure::kNotEnoughCpus,
          fmt::format("not enough cpus available to satisfy request: requested={}, available={}",
                      requested, available)};
}

std::expected<void, AllocationError> Pack(CpuAccumulator& accumulator, const CpuTopology& topology,
                                          const PackedOptions& options) {
  const bool numa_first = topology.counts().sockets >= topology.counts().numa_nodes;
  accumulator.TakeWhole(numa_first ? Level::kNuma : Level::kSocket);
  if (accumulator.Satisfied()) return {};
  accumulator.TakeWhole(numa_first ? Level::kSocket : Level::kNuma);
  if (accumulator.Satisfied()) return {};
  if (options.align_by_uncore_cache) {
    if (topology.CpusPerCore() == 0) {
      return std::unexpected(AllocationError{AllocationFailure::kUnusableTopology,
                                             "the topology's header counts no cores"});
    }
    accumulator.TakeUncoreCaches();
    if (accumulator.Satisfied()) return {};
  }
  if (options.sorting == CpuSorting::kPacked) {
    accumulator.TakeWhole(Level::kCore);
    if (accumulator.Satisfied()) return {};
  }
  accumulator.TakeCpus();
  if (accumulator.Satisfied()) return {};
  return std::unexpected(
      AllocationError{AllocationFailure::kUnsatisfied, "failed to allocate cpus"});
}

Allocation TakePacked(const CpuTopology& topology, const CpuSet& available, int num_cpus,
                      const PackedOptions& options) {
  CpuAccumulator accumulator(topology, available, num_cpus, options.sorting,
                             !options.quirks.inexact_units);
  if (accumulator.Satisfied()) return CpuSet();
  if (accumulator.Failed()) return std::unexpected(NotEnoughCpus(num_cpus, available.size()));
  TRY(Pack(accumulator, topology, options));
  return accumulator.result();
}

}  // namespace nodeproof::cpu_manager
