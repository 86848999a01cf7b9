// Which CPUs the static policy picks for a request: packed onto as few units as possible, or
// distributed evenly over NUMA nodes (KEP-2902).
// Source: pkg/kubelet/cm/cpumanager/cpu_assignment.go, Kubernetes 1.36.2.
#pragma once

#include <expected>
#include <string>

#include "harness/kubelet/cpu_manager/accumulator.h"

namespace nodeproof::cpu_manager {

enum class AllocationFailure {
  kNotEnoughCpus,
  kSmtAlignment,     // full-pcpus-only: no whole cores
  kAccounting,       // the algorithm ran out of CPUs it had counted on
  kUnsatisfied,      // the algorithm ended short of the request
  kEndlessHandOut,   // the released kubelet would never return (issue fixed by PR #140730)
  kSearchTooLarge,   // so many NUMA combinations that the kubelet would take minutes
  kUnusableTopology  // the topology's header has no cores, which makes the kubelet panic
};

struct AllocationError {
  AllocationFailure failure = AllocationFailure::kUnsatisfied;
  std::string message;

  // The reason that the kubelet gives a pod, or for outcomes that it does not survive our name.
  std::string_view TypeName() const;
};

using Allocation = std::expected<CpuSet, AllocationError>;

// Defects of the released allocator. All on is the released behaviour.
struct Quirks {
  // Kept NUMA combinations share memory with later ones (Go append), which can change their last
  // member (PR #141238).
  bool combination_aliasing = true;
  // The capacity of a remainder set is counted in CPUs, not in whole groups, so that handing out
  // groups can go on for ever (PR #140730). Reported as kEndlessHandOut.
  bool endless_hand_out = true;
  // A core or socket counts as free when as many CPUs of it are available as an average one has; it
  // is then taken with all its CPUs, also those that belong to others, and counted again if it
  // spans two larger units. Shows on machines that mix cores with and without SMT, have holes, or
  // sockets across NUMA nodes.
  bool inexact_units = true;

  static constexpr Quirks Fixed() { return {false, false, false}; }
};

struct PackedOptions {
  CpuSorting sorting = CpuSorting::kPacked;
  bool align_by_uncore_cache = false;
  Quirks quirks = {};
};

Allocation TakePacked(const CpuTopology& topology, const CpuSet& available, int num_cpus,
                      const PackedOptions& options = {});

struct DistributedOptions {
  int cpu_group_size = 1;
  CpuSorting sorting = CpuSorting::kPacked;
  Quirks quirks = {};
};

Allocation TakeDistributed(const CpuTopology& topology, const CpuSet& available, int num_cpus,
                           const DistributedOptions& options = {});

// Steps of TakePacked for callers that have an accumulator of their own.
std::expected<void, AllocationError> Pack(CpuAccumulator& accumulator, const CpuTopology& topology,
                                          const PackedOptions& options);

AllocationError NotEnoughCpus(int requested, size_t available);

}  // namespace nodeproof::cpu_manager
