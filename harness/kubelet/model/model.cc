#include "harness/kubelet/model/model.h"

namespace nodeproof::kubelet {
namespace {

const TopicTable& AllTopics() {
  static const TopicTable table = [] {
    TopicTable all;
    RegisterPolicyTopics(all);
    RegisterEvictionTopics(all);
    RegisterCpuTopics(all);
    RegisterTopologyTopics(all);
    RegisterMemoryManagerTopics(all);
    return all;
  }();
  return table;
}

Json Unsupported(std::string_view why) { return Json{{"unsupported", why}}; }

Json AnswerCase(const CaseAnswer& answer, const Json& the_case) {
  try {
    const Result<Json> result = answer(the_case);
    return result ? *result : Unsupported(result.error().ToString());
  } catch (const Json::exception& error) {
    return Unsupported(error.what());
  }
}

Result<ResourceRequirements> RequirementsFromCase(const Json& container) {
  ResourceRequirements resources;
  if (container.contains("requests")) {
    resources.requests = TRY(ResourcesFromCase(container.at("requests")));
  }
  if (container.contains("limits")) {
    resources.limits = TRY(ResourcesFromCase(container.at("limits")));
  }
  struct Short {
    const char* field;
    ResourceList* list;
    std::string_view resource;
  };
  for (const Short& each : {Short{"cpu_request", &resources.requests, kCpu},
                            Short{"memory_request", &resources.requests, kMemory},
                            Short{"cpu_limit", &resources.limits, kCpu},
                            Short{"memory_limit", &resources.limits, kMemory}}) {
    if (!container.contains(each.field) || container.at(each.field).is_null()) continue;
    const ResourceList one = TRY(ResourcesFromCase({{each.resource, container.at(each.field)}}));
    Add(*each.list, one);
  }
  return resources;
}

Result<std::vector<Container>> ContainersFromCase(const Json& list) {
  std::vector<Container> containers;
  for (const Json& each : list) {
    Container container;
    container.name = each.value("name", "");
    container.restart_policy = each.value("restart_policy", "");
    container.resources = TRY(RequirementsFromCase(each));
    containers.push_back(std::move(container));
  }
  return containers;
}

}  // namespace

Json ErrorAnswer(std::string_view type, std::string_view message) {
  return Json{{"error", {{"type", type}, {"message", message}}}};
}

Json ErrorAnswer(std::string_view message) { return Json{{"error", message}}; }

void TopicTable::Add(std::string topic, CaseAnswer answer) {
  topics_.insert_or_assign(std::move(topic), std::move(answer));
}

std::vector<std::string> Topics() {
  std::vector<std::string> names;
  for (const auto& [name, answer] : AllTopics().topics()) names.push_back(name);
  return names;
}

Result<Json> AnswerTopic(std::string_view topic, const Json& input) {
  const auto found = AllTopics().topics().find(topic);
  if (found == AllTopics().topics().end()) {
    std::string names;
    for (const std::string& name : Topics()) names += (names.empty() ? "" : ", ") + name;
    return std::unexpected(WithHint(Error{fmt::format("there is no topic '{}'", topic), "", 0},
                                    "the topics are " + names));
  }
  if (!input.is_object() || !input.contains("cases") || !input["cases"].is_array()) {
    return std::unexpected(
        WithHint(Error{"the input is not an object with an array 'cases'", "", 0},
                 "give a vectors file: {\"cases\": [{\"id\": …, …}]}"));
  }
  Json answers = Json::array();
  for (const Json& each : input["cases"]) {
    if (!each.is_object() || !each.contains("id") || !each["id"].is_string()) {
      return Fail("case {} has no string 'id'", answers.size());
    }
    answers.push_back({{"id", each["id"]}, {"answer", AnswerCase(found->second, each)}});
  }
  return Json{{"topic", topic}, {"cases", std::move(answers)}};
}

Result<Json> AnswerTopicText(std::string_view topic, std::string_view text) {
  Json input;
  try {
    input = Json::parse(text);
  } catch (const Json::exception& error) {
    return Fail("the input is not JSON: {}", error.what());
  }
  return AnswerTopic(topic, input);
}

Result<ResourceList> ResourcesFromCase(const Json& list) {
  ResourceList resources;
  if (list.is_null()) return resources;
  if (!list.is_object()) return Fail("a resource list is not an object");
  for (const auto& [name, value] : list.items()) {
    if (!value.is_string() && !value.is_number()) return Fail("{} is not a quantity", name);
    resources[name] =
        TRY(Quantity::Parse(value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return resources;
}

Result<Pod> PodFromCase(const Json& pod_case) {
  if (!pod_case.is_object()) return Fail("the case's pod is not an object");
  Pod pod;
  pod.name = pod_case.value("name", "");
  pod.uid = pod_case.value("uid", "");
  pod.pod_namespace = pod_case.value("namespace", "default");
  for (const char* field : {"init_containers", "init"}) {
    if (pod_case.contains(field)) pod.init_containers = TRY(ContainersFromCase(pod_case.at(field)));
  }
  if (pod_case.contains("containers")) {
    pod.containers = TRY(ContainersFromCase(pod_case.at("containers")));
  }
  if (pod_case.contains("pod_resources") && !pod_case.at("pod_resources").is_null()) {
    pod.resources = TRY(RequirementsFromCase(pod_case.at("pod_resources")));
  }
  if (pod_case.contains("overhead")) pod.overhead = TRY(ResourcesFromCase(pod_case.at("overhead")));
  if (pod_case.contains("priority") && !pod_case.at("priority").is_null()) {
    pod.priority = pod_case.at("priority").get<int32_t>();
  }
  if (pod_case.contains("priority_class") && !pod_case.at("priority_class").is_null()) {
    pod.priority_class = pod_case.at("priority_class").get<std::string>();
  }
  if (pod_case.contains("annotations")) {
    for (const auto& [key, value] : pod_case.at("annotations").items()) {
      pod.annotations[key] = value.get<std::string>();
    }
  }
  return pod;
}

Result<FeatureGates> GatesFromCase(const Json& the_case) {
  FeatureGates gates;
  if (!the_case.contains("feature_gates")) return gates;
  for (const auto& [name, enabled] : the_case.at("feature_gates").items()) {
    const std::string_view gate =
        name == "CPUCFSQuotaPeriod" ? kCustomCpuCfsQuotaPeriod : std::string_view(name);
    TRY(gates.Set(gate, enabled.get<bool>()));
  }
  return gates;
}

}  // namespace nodeproof::kubelet
