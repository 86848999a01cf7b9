#include "harness/kubelet/cpu_manager/policy_options.h"

#include <algorithm>
#include <array>
#include <utility>

#include "harness/kubelet/topology_manager/go_values.h"

namespace nodeproof::cpu_manager {
namespace {

enum class Stage { kAlpha, kBeta, kStable };

struct OptionEntry {
  std::string_view name;
  Stage stage;
  bool StaticPolicyOptions::*flag;
};

constexpr std::string_view kFullPcpusOnly = "full-pcpus-only";
constexpr std::string_view kAcrossCores = "distribute-cpus-across-cores";
constexpr std::string_view kAcrossNuma = "distribute-cpus-across-numa";
constexpr std::string_view kByUncoreCache = "prefer-align-cpus-by-uncorecache";

using Options = StaticPolicyOptions;
constexpr std::array<OptionEntry, 6> kOptions{{
    {"align-by-socket", Stage::kAlpha, &Options::align_by_socket},
    {kAcrossCores, Stage::kAlpha, &Options::distribute_cpus_across_cores},
    {kAcrossNuma, Stage::kBeta, &Options::distribute_cpus_across_numa},
    {kFullPcpusOnly, Stage::kStable, &Options::full_pcpus_only},
    {kByUncoreCache, Stage::kStable, &Options::prefer_align_cpus_by_uncore_cache},
    {"strict-cpu-reservation", Stage::kStable, &Options::strict_cpu_reservation},
}};

const OptionEntry* FindOption(std::string_view name) {
  const auto found = std::ranges::find(kOptions, name, &OptionEntry::name);
  return found == kOptions.end() ? nullptr : &*found;
}

Status CheckConflicts(const StaticPolicyOptions& options) {
  const std::array<std::pair<std::string_view, std::string_view>, 4> conflicts{{
      {kFullPcpusOnly, kAcrossCores},
      {kAcrossNuma, kAcrossCores},
      {kByUncoreCache, kAcrossCores},
      {kByUncoreCache, kAcrossNuma},
  }};
  for (const auto& [one, other] : conflicts) {
    if (options.*FindOption(one)->flag && options.*FindOption(other)->flag) {
      return Fail("static policy options {} and {} can not be used at the same time", one, other);
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> StaticPolicyOptions::Enabled() const {
  std::vector<std::string> names;
  for (const OptionEntry& option : kOptions) {
    if (this->*option.flag) names.emplace_back(option.name);
  }
  return names;
}

Status CheckOptionAvailable(std::string_view option, OptionGates gates) {
  const OptionEntry* known = FindOption(option);
  if (known == nullptr) return Fail("unknown CPU Manager Policy option: \"{}\"", option);
  if (known->stage == Stage::kAlpha && !gates.alpha) {
    return std::unexpected(WithHint(
        Error{fmt::format("CPU Manager Policy Alpha-level Options not enabled, but option \"{}\" "
                          "provided",
                          option),
              "", 0},
        "set the feature gate CPUManagerPolicyAlphaOptions"));
  }
  if (known->stage == Stage::kBeta && !gates.beta) {
    return std::unexpected(WithHint(
        Error{fmt::format("CPU Manager Policy Beta-level Options not enabled, but option \"{}\" "
                          "provided",
                          option),
              "", 0},
        "set the feature gate CPUManagerPolicyBetaOptions"));
  }
  return {};
}

Result<StaticPolicyOptions> ParseStaticPolicyOptions(const StringOptions& options,
                                                     OptionGates gates) {
  StaticPolicyOptions parsed;
  for (const auto& [name, value] : options) {
    TRY(CheckOptionAvailable(name, gates));
    const auto on = topology_manager::ParseGoBool(value);
    if (!on) return Fail("bad value for option \"{}\": \"{}\" is not a boolean", name, value);
    parsed.*FindOption(name)->flag = *on;
  }
  TRY(CheckConflicts(parsed));
  return parsed;
}

Status CheckOptionsOnTopology(const StaticPolicyOptions& options, const TopologyCounts& counts,
                              std::string_view topology_manager_policy) {
  if (!options.align_by_socket) return {};
  if (topology_manager_policy == "single-numa-node") {
    return Fail(
        "Topology Manager policy single-numa-node is incompatible with the CPU Manager "
        "policy option align-by-socket");
  }
  if (counts.sockets > counts.numa_nodes) {
    return Fail(
        "align-by-socket is not compatible with hardware that has more sockets ({}) than "
        "NUMA nodes ({})",
        counts.sockets, counts.numa_nodes);
  }
  return {};
}

}  // namespace nodeproof::cpu_manager
