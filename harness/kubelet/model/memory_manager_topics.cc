// Topic memory_manager_static: the Memory Manager's static policy on a given machine state.
#include "harness/base/file.h"
#include "harness/kubelet/memory_manager/static_policy.h"
#include "harness/kubelet/model/hint_json.h"
#include "harness/kubelet/model/model.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

using memory_manager::Block;
using memory_manager::MemoryState;
using memory_manager::MemoryTable;
using memory_manager::NumaNodeState;
using memory_manager::PodMemory;
using topology_manager::TopologyHint;

bool IsGiven(const Json& object, const char* field) {
  return object.contains(field) && !object.at(field).is_null();
}

NumaNodeState NodeFromCase(const Json& node_case) {
  NumaNodeState node;
  if (IsGiven(node_case, "cells")) node.cells = node_case.at("cells").get<std::vector<int>>();
  node.assignments = node_case.value("assignments", 0);
  for (const auto& [resource, table] : node_case.at("memory").items()) {
    node.memory[resource] =
        MemoryTable{table.at("allocatable"), table.at("free"), table.at("reserved"),
                    table.at("system_reserved"), table.at("total")};
  }
  return node;
}

Result<MemoryState> StateFromCase(const Json& the_case) {
  MemoryState state;
  if (IsGiven(the_case, "machine_state")) {
    std::vector<int> nodes;
    for (const auto& [id, node] : the_case.at("machine_state").items()) {
      nodes.push_back(static_cast<int>(TRY(ParseInt(id))));
      state.machine[nodes.back()] = NodeFromCase(node);
    }
    TRY(topology_manager::CheckNodesForHints(nodes));
  }
  if (!IsGiven(the_case, "assignments")) return state;
  for (const auto& [pod, containers] : the_case.at("assignments").items()) {
    for (const auto& [container, blocks] : containers.items()) {
      auto& list = state.assignments[pod][container];
      for (const Json& block : blocks) {
        list.push_back(
            {block.at("numa").get<std::vector<int>>(), block.at("type"), block.at("size")});
      }
    }
  }
  return state;
}

Json MachineToJson(const memory_manager::MachineState& machine) {
  Json all = Json::object();
  for (const auto& [id, node] : machine) {
    Json memory = Json::object();
    for (const auto& [resource, table] : node.memory) {
      memory[resource] = {{"allocatable", table.allocatable},
                          {"free", table.free},
                          {"reserved", table.reserved},
                          {"system_reserved", table.system_reserved},
                          {"total", table.total}};
    }
    all[std::to_string(id)] = {
        {"cells", node.cells}, {"assignments", node.assignments}, {"memory", std::move(memory)}};
  }
  return all;
}

Json AssignmentsToJson(const MemoryState& state) {
  Json all = Json::object();
  for (const auto& [pod, containers] : state.assignments) {
    for (const auto& [container, blocks] : containers) {
      Json& list = all[pod][container] = Json::array();
      for (const Block& block : blocks) {
        list.push_back({{"numa", block.numa}, {"type", block.type}, {"size", block.size}});
      }
    }
  }
  return all;
}

Json StateToJson(const MemoryState& state) {
  return Json{{"hints", nullptr},
              {"assignments", AssignmentsToJson(state)},
              {"machine_state", MachineToJson(state.machine)}};
}

Json HintsToJson(const topology_manager::ProviderHints& hints) {
  return Json{{"hints", hints.empty() ? Json() : ProviderHintsToJson(hints)}};
}

// The container that an operation is about: the named one, else the first app container.
size_t ContainerFromCase(const Json& the_case, const Pod& pod, const PodMemory& memory) {
  if (!IsGiven(the_case, "container")) return pod.init_containers.size();
  const std::string name = the_case.at("container");
  for (size_t i = 0; i < memory.containers.size(); ++i) {
    if (memory.containers[i].name == name) return i;
  }
  return memory.containers.size();
}

// What `remove` removes: what the case names, else the only assignment upstream's cases have.
Result<Json> AnswerRemove(const Json& the_case, MemoryState state) {
  const std::string pod = the_case.value("pod_uid", "pod1");
  const std::string container = the_case.value("container", "container1");
  memory_manager::Remove(state, pod, container);
  return StateToJson(state);
}

Result<Json> AnswerMemoryManager(const Json& the_case) {
  const std::string op = the_case.at("op");
  MemoryState state = TRY(StateFromCase(the_case));
  if (op == "remove") return AnswerRemove(the_case, std::move(state));

  // The cases are about containers' resources: gates of pod-level resources are off.
  FeatureGates gates;
  TRY(gates.Set(kPodLevelResources, false));
  const Pod pod = TRY(PodFromCase(the_case.at("pod")));
  const bool guaranteed = QosClassOf(pod, gates) == QosClass::kGuaranteed;
  const PodMemory memory = TRY(memory_manager::PodMemoryOf(pod, guaranteed, false));
  if (op == "pod_hints") return HintsToJson(memory_manager::PodHints(state, memory));

  const size_t container = ContainerFromCase(the_case, pod, memory);
  if (container >= memory.containers.size()) return Fail("the case's pod has no such container");
  if (op == "hints") return HintsToJson(memory_manager::Hints(state, memory, container));
  if (op != "allocate") return Fail("memory_manager_static has no op '{}'", op);

  TopologyHint hint;
  if (IsGiven(the_case, "topology_hint")) hint = TRY(HintFromCase(the_case.at("topology_hint")));
  const Status allocated = memory_manager::Allocate(state, memory, container, hint);
  return allocated ? StateToJson(state) : ErrorAnswer(allocated.error().message);
}

}  // namespace

void RegisterMemoryManagerTopics(TopicTable& table) {
  table.Add("memory_manager_static", AnswerMemoryManager);
}

}  // namespace nodeproof::kubelet
