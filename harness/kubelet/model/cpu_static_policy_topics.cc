// Topics cpu_static_policy and cpu_topology_hints: operations on a given CPU Manager state.
#include <set>

#include "harness/kubelet/cpu_manager/guaranteed_cpus.h"
#include "harness/kubelet/cpu_manager/static_policy.h"
#include "harness/kubelet/model/cpu_case.h"
#include "harness/kubelet/model/hint_json.h"
#include "harness/kubelet/model/known_topologies.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

using cpu_manager::ContainerCpus;
using cpu_manager::CpuState;
using cpu_manager::Level;
using cpu_manager::StaticPolicy;
using cpu_manager::StaticPolicyConfig;
using topology_manager::NumaMask;
using topology_manager::TopologyHint;

bool IsGiven(const Json& object, const char* field) {
  return object.contains(field) && !object.at(field).is_null();
}

Result<CpuSet> CpusFromCase(const Json& the_case, const char* field) {
  if (!IsGiven(the_case, field)) return CpuSet();
  return CpuSet::Parse(the_case.at(field).get<std::string>());
}

Result<CpuState> StateFromCase(const Json& the_case) {
  CpuState state;
  state.default_cpus = TRY(CpusFromCase(the_case, "default_cpuset"));
  if (!IsGiven(the_case, "assignments")) return state;
  for (const auto& [pod, containers] : the_case.at("assignments").items()) {
    for (const auto& [container, cpus] : containers.items()) {
      state.assignments[pod][container] = TRY(CpuSet::Parse(cpus.get<std::string>()));
    }
  }
  return state;
}

// The cases are about what options do, not about who may use them: where a case does not set the
// gates of the options, they are on.
Result<StaticPolicyConfig> ConfigFromCase(const Json& the_case) {
  cpu_manager::OptionGates gates{true, true};
  if (IsGiven(the_case, "feature_gates")) {
    const Json& set = the_case.at("feature_gates");
    const auto gate = [&](std::string_view name) {
      const auto found = set.find(std::string(name));
      return found == set.end() || found->is_null() || found->get<bool>();
    };
    gates = {gate(kCpuManagerPolicyAlphaOptions), gate(kCpuManagerPolicyBetaOptions)};
  }
  StaticPolicyConfig config;
  config.options =
      TRY(cpu_manager::ParseStaticPolicyOptions(OptionStrings(the_case, "options"), gates));
  config.num_reserved_cpus = the_case.value("num_reserved_cpus", 0);
  config.reserved_cpus = TRY(CpusFromCase(the_case, "reserved_cpus"));
  config.topology_manager_policy = the_case.value("topology_manager_policy", "none");
  return config;
}

// A pod with the CPUs that the static policy owes its containers.
struct PodCpus {
  std::string uid;
  int peak = 0;
  bool in_shared_pool = false;
  std::vector<ContainerCpus> containers;

  const ContainerCpus* Find(const std::string& name) const {
    for (const ContainerCpus& container : containers) {
      if (container.name == name) return &container;
    }
    return nullptr;
  }
};

Result<PodCpus> PodCpusFromCase(const Json& the_case) {
  const Pod pod = TRY(PodFromCase(the_case.at("pod")));
  const FeatureGates gates = TRY(KnownGatesFromCase(the_case));
  const QosClass qos = QosClassOf(pod, gates);
  return PodCpus{pod.uid, cpu_manager::PodGuaranteedCpus(pod, qos, gates),
                 cpu_manager::IsLeftToSharedPool(pod, gates),
                 cpu_manager::ContainersOf(pod, qos, gates)};
}

// One operation on one state.
class Operation {
 public:
  Operation(const Json& the_case, const StaticPolicy& policy, CpuState state)
      : case_(the_case), policy_(policy), state_(std::move(state)) {}

  Result<Json> Run(const std::string& op) {
    if (op == "start") return Start();
    if (op == "remove") return Remove();
    if (op == "allocate_cpus") return AllocateCpus();
    if (op == "allocate") return Allocate();
    if (op == "allocate_all") return AllocateAll(false);
    if (op == "allocate_all_then_remove") return AllocateAll(true);
    return Fail("cpu_static_policy has no op '{}'", op);
  }

 private:
  Json WithState(Json answer) const {
    answer["default_cpuset"] = state_.default_cpus.ToString();
    return answer;
  }

  Result<Json> Start() {
    const Status started = policy_.Start(state_);
    if (!started) return ErrorAnswer("error", started.error().message);
    return WithState(Json::object());
  }

  Result<Json> Remove() {
    policy_.Remove(state_, case_.at("pod_uid"), case_.at("container"));
    return WithState(Json::object());
  }

  Result<Json> AllocateCpus() {
    std::optional<NumaMask> affinity;
    if (IsGiven(case_, "numa_affinity")) {
      affinity = TRY(NumaMask::Of(case_.at("numa_affinity").get<std::vector<int>>()));
    }
    const int num_cpus = case_.at("num_cpus");
    return WithState(AllocationAnswer(policy_.AllocateCpus(state_, num_cpus, affinity, CpuSet())));
  }

  Result<TopologyHint> Hint() const {
    if (!IsGiven(case_, "topology_hint")) return TopologyHint();
    return HintFromCase(case_.at("topology_hint"));
  }

  Result<Json> Allocate() {
    const PodCpus pod = TRY(PodCpusFromCase(case_));
    const std::string name = case_.at("container");
    const ContainerCpus* container = pod.Find(name);
    if (container == nullptr) return Fail("the case's pod has no container '{}'", name);
    const auto allocated = policy_.Allocate(state_, pod.uid, *container, TRY(Hint()));
    const CpuSet* cpus = state_.Find(pod.uid, name);
    Json answer = allocated ? Json::object()
                            : ErrorAnswer(allocated.error().TypeName(), allocated.error().message);
    answer["allocated"] = cpus != nullptr;
    answer["cpuset"] = cpus == nullptr ? "" : cpus->ToString();
    return WithState(std::move(answer));
  }

  // What is said of the pod's CPUs counts its app containers only.
  Result<Json> AllocateAll(bool then_remove) {
    const PodCpus pod = TRY(PodCpusFromCase(case_));
    const TopologyHint hint = TRY(Hint());
    std::optional<std::string> first;
    CpuSet of_pod;
    for (const ContainerCpus& container : pod.containers) {
      const auto allocated = policy_.Allocate(state_, pod.uid, container, hint);
      if (!allocated) {
        return ErrorAnswer(allocated.error().TypeName(), allocated.error().message);
      }
      if (container.kind != ContainerKind::kRegular) continue;
      const CpuSet* cpus = state_.Find(pod.uid, container.name);
      if (cpus != nullptr) of_pod = of_pod | *cpus;
      if (!first) first = cpus == nullptr ? "" : cpus->ToString();
    }
    Json answer{{"pod_uncore_cache_ids", UncoreCaches(of_pod)},
                {"first_container_cpuset", first.value_or("")},
                {"default_cpuset_after_all_allocations", state_.default_cpus.ToString()}};
    if (then_remove) AddRemoval(pod, answer);
    return WithState(std::move(answer));
  }

  // The container to remove is the named one, else the first.
  void AddRemoval(const PodCpus& pod, Json& answer) {
    std::string name = pod.containers.empty() ? "" : pod.containers.front().name;
    for (const char* field : {"container", "remove", "remove_container", "removed_container"}) {
      if (IsGiven(case_, field) && case_.at(field).is_string()) name = case_.at(field);
    }
    policy_.Remove(state_, pod.uid, name);
    answer["default_cpuset_after_remove"] = state_.default_cpus.ToString();
    answer["default_cpuset_after_removal"] = state_.default_cpus.ToString();
  }

  std::string UncoreCaches(const CpuSet& cpus) const {
    const cpu_manager::CpuTopology& topology = policy_.topology();
    CpuSet caches;
    for (const int cpu : cpus) {
      const int index = topology.IndexOf(cpu);
      if (index >= 0) caches.Insert(topology.cpus()[static_cast<size_t>(index)].uncore);
    }
    return caches.ToString();
  }

  const Json& case_;
  const StaticPolicy& policy_;
  CpuState state_;
};

Result<Json> AnswerStaticPolicy(const Json& the_case) {
  const auto topology = TRY(TopologyFromCase(the_case));
  const auto config = ConfigFromCase(the_case);
  const auto policy = config ? StaticPolicy::Create(topology, *config)
                             : Result<StaticPolicy>(std::unexpected(config.error()));
  if (!policy) {
    const Json error{{"type", "error"}, {"message", policy.error().message}};
    return Json{{"new_policy_error", error}, {"error", error}};
  }
  return Operation(the_case, *policy, TRY(StateFromCase(the_case))).Run(the_case.at("op"));
}

Result<Json> AnswerHints(const Json& the_case) {
  const auto topology = TRY(TopologyFromCase(the_case));
  TRY(topology_manager::CheckNodesForHints(topology->Ids(Level::kNuma)));
  const StaticPolicy policy = TRY(StaticPolicy::Create(topology, TRY(ConfigFromCase(the_case))));
  const CpuState state = TRY(StateFromCase(the_case));
  const PodCpus pod = TRY(PodCpusFromCase(the_case));
  topology_manager::ProviderHints hints;
  if (IsGiven(the_case, "container")) {
    const std::string name = the_case.at("container");
    const ContainerCpus* container = pod.Find(name);
    if (container == nullptr) return Fail("the case's pod has no container '{}'", name);
    hints = policy.Hints(state, pod.uid, *container);
  } else if (!pod.in_shared_pool) {
    hints = policy.PodHints(state, pod.uid, pod.peak, pod.containers);
  }
  const auto cpu = hints.find("cpu");
  const bool none = cpu == hints.end() || !cpu->second;
  return Json{{"hints", none ? Json::array() : HintListToJson(*cpu->second)}};
}

}  // namespace

void RegisterCpuStaticPolicyTopics(TopicTable& table) {
  table.Add("cpu_static_policy", AnswerStaticPolicy);
  table.Add("cpu_topology_hints", AnswerHints);
}

}  // namespace nodeproof::kubelet
