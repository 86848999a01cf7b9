// cpuManagerPolicyOptions of the static policy: which exist, what gates them, which exclude each
// other. Source: pkg/kubelet/cm/cpumanager/policy_options.go, Kubernetes 1.36.2.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/cpu_manager/cpu_topology.h"

namespace nodeproof::cpu_manager {

// cpuManagerPolicyOptions as the configuration has them: name -> value.
using StringOptions = std::map<std::string, std::string, std::less<>>;

struct StaticPolicyOptions {
  bool full_pcpus_only = false;
  bool strict_cpu_reservation = false;
  bool prefer_align_cpus_by_uncore_cache = false;
  bool distribute_cpus_across_numa = false;
  bool align_by_socket = false;
  bool distribute_cpus_across_cores = false;
  bool operator==(const StaticPolicyOptions&) const = default;

  // The names of the options that are on, sorted.
  std::vector<std::string> Enabled() const;
};

// The gates CPUManagerPolicyAlphaOptions and CPUManagerPolicyBetaOptions, with 1.36's defaults.
struct OptionGates {
  bool alpha = false;
  bool beta = true;
};

// An error for an unknown option and for one whose gate is off.
Status CheckOptionAvailable(std::string_view option, OptionGates gates);

// Errors: unavailable options, values that are no Go booleans, options that exclude each other.
Result<StaticPolicyOptions> ParseStaticPolicyOptions(const StringOptions& options,
                                                     OptionGates gates);

// align-by-socket asks for a machine with at least as many NUMA nodes as sockets (by the header)
// and excludes the Topology Manager policy single-numa-node.
Status CheckOptionsOnTopology(const StaticPolicyOptions& options, const TopologyCounts& counts,
                              std::string_view topology_manager_policy);

}  // namespace nodeproof::cpu_manager
