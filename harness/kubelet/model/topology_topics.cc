// Topics of the Topology Manager: topology_hint_merge and topology_hint_misc.
#include "harness/base/file.h"
#include "harness/kubelet/model/hint_json.h"
#include "harness/kubelet/model/model.h"
#include "harness/kubelet/topology_manager/topology_policy.h"

namespace nodeproof::kubelet {
namespace {

using topology_manager::HintList;
using topology_manager::NumaInfo;
using topology_manager::NumaMask;
using topology_manager::ProviderHints;
using topology_manager::TopologyHint;

// Options as cases write them, with booleans and numbers for the strings of the configuration.
std::map<std::string, std::string, std::less<>> OptionStrings(const Json& the_case,
                                                              const char* field) {
  std::map<std::string, std::string, std::less<>> options;
  if (!the_case.contains(field) || the_case.at(field).is_null()) return options;
  for (const auto& [name, value] : the_case.at(field).items()) {
    options[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return options;
}

Result<NumaInfo> NumaFromCase(const Json& numa_case) {
  NumaInfo numa;
  if (numa_case.is_null()) return numa;
  numa.nodes = numa_case.at("nodes").get<std::vector<int>>();
  TRY(NumaMask::Of(numa.nodes));
  if (!numa_case.contains("distances") || numa_case.at("distances").is_null()) return numa;
  for (const auto& [node, row] : numa_case.at("distances").items()) {
    if (row.is_null()) continue;
    const auto id = static_cast<int>(TRY(ParseInt(node)));
    numa.distances[id] = row.get<std::vector<int64_t>>();
  }
  return numa;
}

Result<std::vector<ProviderHints>> ProvidersFromCase(const Json& list) {
  std::vector<ProviderHints> providers;
  for (const Json& each : list) {
    ProviderHints& provider = providers.emplace_back();
    if (each.is_null()) continue;
    for (const auto& [resource, hints] : each.items()) {
      provider[resource] =
          hints.is_null() ? std::nullopt : std::optional(TRY(HintListFromCase(hints)));
    }
  }
  return providers;
}

Result<Json> AnswerMerge(const Json& the_case) {
  const auto policy = TRY(topology_manager::ParsePolicy(the_case.at("policy").get<std::string>()));
  const auto options =
      TRY(topology_manager::ParsePolicyOptions(OptionStrings(the_case, "policy_options")));
  const NumaInfo numa = TRY(NumaFromCase(the_case.at("numa")));
  const auto providers = TRY(ProvidersFromCase(the_case.at("provider_hints")));
  const auto merged = topology_manager::MergeHints(policy, options, numa, providers);
  return Json{
      {"hint", HintToJson(merged.hint)}, {"admit", merged.admit}, {"admit_derived", merged.admit}};
}

Result<Json> AnswerCompare(const Json& the_case) {
  const bool has_current = !the_case.at("current").is_null();
  const TopologyHint current =
      has_current ? TRY(HintFromCase(the_case.at("current"))) : TopologyHint();
  const TopologyHint candidate = TRY(HintFromCase(the_case.at("candidate")));
  const topology_manager::CompareRule rule{the_case.at("best_non_preferred_affinity_count"),
                                           nullptr};
  const auto better =
      topology_manager::CompareHints(has_current ? &current : nullptr, candidate, rule);
  return Json(better == topology_manager::Better::kCandidate ? "candidate" : "current");
}

Result<std::vector<HintList>> HintListsFromCase(const Json& lists) {
  std::vector<HintList> all;
  if (lists.is_null()) return all;
  for (const Json& list : lists) {
    all.push_back(list.is_null() ? HintList() : TRY(HintListFromCase(list)));
  }
  return all;
}

// null stands for an empty list, of hints and of lists, as upstream leaves them.
Json FilteredToJson(const std::vector<HintList>& lists) {
  if (lists.empty()) return nullptr;
  Json all = Json::array();
  for (const HintList& list : lists) all.push_back(list.empty() ? Json() : HintListToJson(list));
  return all;
}

Json AnswerOptions(const Json& the_case) {
  const auto options = topology_manager::ParsePolicyOptions(OptionStrings(the_case, "options"));
  if (!options) return ErrorAnswer(options.error().message);
  Json values{{"prefer-closest-numa-nodes", options->prefer_closest_numa_nodes},
              {"max-allowable-numa-nodes", options->max_allowable_numa_nodes},
              {"prefer_closest_numa_nodes", options->prefer_closest_numa_nodes},
              {"max_allowable_numa_nodes", options->max_allowable_numa_nodes}};
  values["options"] = values;
  values["error"] = false;
  return values;
}

Result<Json> AnswerMisc(const Json& the_case) {
  const std::string kind = the_case.at("kind");
  if (kind == "compare_hints") return AnswerCompare(the_case);
  if (kind == "parse_options") return AnswerOptions(the_case);
  if (kind == "max_of_min_affinity_counts") {
    const auto lists = TRY(HintListsFromCase(the_case.at("hints")));
    return Json(topology_manager::MaxOfMinAffinityCounts(lists));
  }
  if (kind == "filter_single_numa_hints") {
    const auto lists = TRY(HintListsFromCase(the_case.at("hints")));
    return FilteredToJson(topology_manager::SingleNumaHints(lists));
  }
  return Fail("topology_hint_misc has no kind '{}'", kind);
}

}  // namespace

Result<TopologyHint> HintFromCase(const Json& hint) {
  TopologyHint parsed;
  parsed.preferred = hint.at("preferred");
  if (!hint.at("numa").is_null()) {
    parsed.affinity = TRY(NumaMask::Of(hint.at("numa").get<std::vector<int>>()));
  }
  return parsed;
}

Result<HintList> HintListFromCase(const Json& hints) {
  HintList list;
  for (const Json& hint : hints) list.push_back(TRY(HintFromCase(hint)));
  return list;
}

Json HintToJson(const TopologyHint& hint) {
  return Json{{"numa", hint.affinity ? Json(hint.affinity->Nodes()) : Json()},
              {"preferred", hint.preferred}};
}

Json HintListToJson(const HintList& hints) {
  Json list = Json::array();
  for (const TopologyHint& hint : hints) list.push_back(HintToJson(hint));
  return list;
}

Json ProviderHintsToJson(const ProviderHints& hints) {
  Json all = Json::object();
  for (const auto& [resource, list] : hints) all[resource] = list ? HintListToJson(*list) : Json();
  return all;
}

void RegisterTopologyTopics(TopicTable& table) {
  table.Add("topology_hint_merge", AnswerMerge);
  table.Add("topology_hint_misc", AnswerMisc);
}

}  // namespace nodeproof::kubelet
