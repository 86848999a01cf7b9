// Topics of the CPU Manager: cpu_take_by_topology, cpu_accumulator_order, cpu_policy_options,
// cpu_topology_discovery, cpu_pod_guaranteed.
#include <algorithm>

#include "harness/kubelet/cpu_manager/guaranteed_cpus.h"
#include "harness/kubelet/cpu_manager/static_policy.h"
#include "harness/kubelet/model/cpu_case.h"
#include "harness/kubelet/model/known_topologies.h"
#include "harness/kubelet/model/model.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

using cpu_manager::CpuAccumulator;
using cpu_manager::CpuSorting;
using cpu_manager::CpuTopology;
using cpu_manager::Level;

bool Option(const Json& the_case, const char* name) {
  const auto options = OptionStrings(the_case, "options");
  const auto found = options.find(name);
  return found != options.end() && found->second == "true";
}

Result<Json> AnswerTake(const Json& the_case) {
  const auto topology = TRY(TopologyFromCase(the_case));
  const CpuSet available = TRY(CpuSet::Parse(the_case.at("available").get<std::string>()));
  const int num_cpus = the_case.at("num_cpus");
  const CpuSorting sorting =
      Option(the_case, "distribute-cpus-across-cores") ? CpuSorting::kSpread : CpuSorting::kPacked;
  const std::string algorithm = the_case.at("algorithm");
  if (algorithm == "packed") {
    return AllocationAnswer(cpu_manager::TakePacked(
        *topology, available, num_cpus,
        {sorting, Option(the_case, "prefer-align-cpus-by-uncorecache"), {}}));
  }
  if (algorithm != "distributed") return Fail("there is no algorithm '{}'", algorithm);
  const int group = the_case.value("cpu_group_size", 1);
  return AllocationAnswer(
      cpu_manager::TakeDistributed(*topology, available, num_cpus, {group, sorting, {}}));
}

Json Ids(const CpuTopology& topology, Level level, const std::vector<int>& units) {
  Json ids = Json::array();
  for (const int unit : units) ids.push_back(topology.Ids(level)[static_cast<size_t>(unit)]);
  return ids;
}

Result<Json> AnswerOrder(const Json& the_case) {
  const auto topology = TRY(TopologyFromCase(the_case));
  const CpuSet available = TRY(CpuSet::Parse(the_case.at("available").get<std::string>()));
  const CpuAccumulator accumulator(*topology, available, 0, CpuSorting::kPacked);
  const std::string query = the_case.at("query");
  if (query == "free_sockets") {
    return Ids(*topology, Level::kSocket, accumulator.Free(Level::kSocket));
  }
  if (query == "free_numa_nodes") {
    return Ids(*topology, Level::kNuma, accumulator.Free(Level::kNuma));
  }
  if (query == "free_cores") return Ids(*topology, Level::kCore, accumulator.Free(Level::kCore));
  if (query != "free_cpus") return Fail("there is no query '{}'", query);
  Json cpus = Json::array();
  for (const int index : accumulator.SortedCpus()) {
    cpus.push_back(topology->cpus()[static_cast<size_t>(index)].cpu);
  }
  return cpus;
}

Result<Json> AnswerOptions(const Json& the_case) {
  const cpu_manager::OptionGates gates = TRY(OptionGatesFromCase(the_case));
  const std::string kind = the_case.at("kind");
  if (kind == "option_available") {
    const std::string option = the_case.at("option");
    return Json{{"available", cpu_manager::CheckOptionAvailable(option, gates).has_value()}};
  }
  const auto options =
      cpu_manager::ParseStaticPolicyOptions(OptionStrings(the_case, "options"), gates);
  if (!options) return Json{{"error", true}, {"message", options.error().message}};
  if (kind == "parse_options") return Json{{"error", false}, {"enabled", options->Enabled()}};
  if (kind != "validate_with_topology") {
    return Fail("cpu_policy_options has no kind '{}'", kind);
  }
  const auto topology = TRY(TopologyFromCase(the_case));
  const std::string policy = the_case.value("topology_manager_policy", "none");
  const Status valid = cpu_manager::CheckOptionsOnTopology(*options, topology->counts(), policy);
  if (!valid) return Json{{"error", true}, {"message", valid.error().message}};
  return Json{{"error", false}, {"enabled", options->Enabled()}};
}

Result<Json> AnswerDiscovery(const Json& the_case) {
  const auto machine = TRY(MachineInfoFromCase(the_case.at("machine_info")));
  const auto topology = CpuTopology::Discover(machine);
  if (!topology) return Json{{"error", true}, {"message", topology.error().message}};
  Json cpus = Json::array();
  for (const cpu_manager::CpuPlace& place : topology->cpus()) {
    cpus.push_back({place.cpu, place.numa, place.socket, place.core, place.uncore});
  }
  const cpu_manager::TopologyCounts& counts = topology->counts();
  return Json{{"error", false},
              {"topology",
               {{"num_cpus", counts.cpus},
                {"num_cores", counts.cores},
                {"num_sockets", counts.sockets},
                {"num_numa_nodes", counts.numa_nodes},
                {"num_uncore", counts.uncore_caches},
                {"cpus", std::move(cpus)}}}};
}

Result<Json> AnswerPodGuaranteed(const Json& the_case) {
  const Pod pod = TRY(PodFromCase(the_case.at("pod")));
  const FeatureGates gates = TRY(KnownGatesFromCase(the_case));
  const QosClass qos = QosClassOf(pod, gates);
  return Json{{"guaranteed_cpus", cpu_manager::PodGuaranteedCpus(pod, qos, gates)}};
}

}  // namespace

cpu_manager::StringOptions OptionStrings(const Json& the_case, const char* field) {
  cpu_manager::StringOptions options;
  if (!the_case.contains(field) || the_case.at(field).is_null()) return options;
  for (const auto& [name, value] : the_case.at(field).items()) {
    options[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return options;
}

Result<FeatureGates> KnownGatesFromCase(const Json& the_case) {
  Json gates = Json::object();
  if (the_case.contains("feature_gates") && !the_case.at("feature_gates").is_null()) {
    for (const auto& [name, enabled] : the_case.at("feature_gates").items()) {
      const bool known = std::ranges::any_of(
          KnownFeatureGates(), [&](const FeatureGate& gate) { return gate.name == name; });
      if (known && !enabled.is_null()) gates[name] = enabled;
    }
  }
  return GatesFromCase(Json{{"feature_gates", gates}});
}

Result<cpu_manager::OptionGates> OptionGatesFromCase(const Json& the_case) {
  const FeatureGates gates = TRY(KnownGatesFromCase(the_case));
  return cpu_manager::OptionGates{gates.Enabled(kCpuManagerPolicyAlphaOptions),
                                  gates.Enabled(kCpuManagerPolicyBetaOptions)};
}

Json AllocationAnswer(const cpu_manager::Allocation& allocation) {
  if (!allocation) return ErrorAnswer(allocation.error().TypeName(), allocation.error().message);
  return Json{{"cpuset", allocation->ToString()}};
}

void RegisterCpuTopics(TopicTable& table) {
  table.Add("cpu_take_by_topology", AnswerTake);
  table.Add("cpu_accumulator_order", AnswerOrder);
  table.Add("cpu_policy_options", AnswerOptions);
  table.Add("cpu_topology_discovery", AnswerDiscovery);
  table.Add("cpu_pod_guaranteed", AnswerPodGuaranteed);
  RegisterCpuStaticPolicyTopics(table);
}

}  // namespace nodeproof::kubelet
