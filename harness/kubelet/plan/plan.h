// The whole cgroup v2 tree that a kubelet makes on a node for a set of pods, each knob with how its
// value came about. A plain value: `nodeproof plan` prints it, a capsule builds cgroups from it.
//
//   / ─┬─ system.slice                          cpu.weight 100
//      └─ kubepods.slice                        node slice
//          ├─ kubepods-burstable.slice          QoS
//          │   └─ kubepods-burstable-pod<uid>.slice
//          ├─ kubepods-besteffort.slice         QoS
//          └─ kubepods-pod<uid>.slice           a Guaranteed pod
//              └─ cri-containerd-<id>.scope     its container
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/result.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/resources/cpu_conversion.h"
#include "harness/kubelet/resources/memory_qos.h"

namespace nodeproof::kubelet {

enum class CgroupRole {
  kRoot,       // the hierarchy's root, or whatever the caller puts in its place; has no knobs
  kSystem,     // system.slice and the cgroups of system-reserved and kube-reserved
  kNodeSlice,  // kubepods
  kQos,        // burstable, besteffort
  kPod,
  kContainer,
};
std::string_view ToString(CgroupRole role);

std::string_view ToString(ContainerKind kind);

struct PlannedKnob {
  std::string file;        // "cpu.weight"
  std::string value;       // as written: "79", "200000 100000", "max"
  std::string derivation;  // "1 + (2048 - 2) x 9999 / 262142"
  bool operator==(const PlannedKnob&) const = default;
};

// Of a container: which process it is, and what its processes get.
struct PlannedContainer {
  std::string pod;  // "namespace/name"
  std::string name;
  std::string id;  // the runtime's container id, made up but the same on every run
  ContainerKind kind = ContainerKind::kRegular;
  int oom_score_adj = 0;
  std::string oom_score_adj_derivation;
  std::string exclusive_cpus;  // CPU list, "" when it runs in the shared pool
  std::string memory_nodes;    // NUMA node list, "" when not pinned
  bool operator==(const PlannedContainer&) const = default;
};

struct PlannedCgroup {
  std::string name;  // of the directory: "kubepods-burstable.slice"; "" for the root
  std::string path;  // from the root: "/kubepods.slice/kubepods-burstable.slice"; "/" for the root
  CgroupRole role = CgroupRole::kRoot;
  std::vector<PlannedKnob> knobs;  // in the order to write them
  std::vector<PlannedCgroup> children;
  std::optional<PlannedContainer> container;  // role kContainer
  std::string pod_uid;                        // roles kPod and kContainer
  bool operator==(const PlannedCgroup&) const = default;

  // The knob of `file`, or nullptr.
  const PlannedKnob* Knob(std::string_view file) const;
};

struct PlannedPod {
  std::string name;  // "namespace/name"
  std::string uid;
  QosClass qos = QosClass::kBestEffort;
  bool critical = false;
  bool admitted = true;
  std::string reason;   // of a refusal: "TopologyAffinityError", "OutOfcpu", …
  std::string message;  // of a refusal, one line
  std::string path;     // of its cgroup; "" when refused
  bool operator==(const PlannedPod&) const = default;
};

struct Plan {
  PlannedCgroup root;
  std::vector<PlannedPod> pods;  // in the order given
  CgroupDriver driver = CgroupDriver::kSystemd;
  WeightFormula weight_formula = WeightFormula::kQuadratic;
  ResourceList capacity;
  ResourceList allocatable;             // capacity - reservations - hard eviction thresholds
  std::vector<int64_t> hugepage_sizes;  // bytes; each pod and container has a limit for each
  std::vector<std::string> warnings;
  bool operator==(const Plan&) const = default;
};

// What the resource managers gave one container.
struct ContainerAssignment {
  std::string cpuset_cpus;      // CPU list, "" leaves the knob alone
  std::string cpuset_mems;      // NUMA node list, "" leaves the knob alone
  bool exclusive_cpus = false;  // cpuset_cpus are its own: no CFS quota
  bool operator==(const ContainerAssignment&) const = default;
};

// What admission decided on one pod.
struct PodAdmission {
  bool admitted = true;
  std::string reason;
  std::string message;
  std::map<std::string, ContainerAssignment, std::less<>> containers;  // by container name
};

struct PlanOptions {
  // Unset: the configuration's, and systemd when that is unset too.
  std::optional<CgroupDriver> driver;
  WeightFormula weight_formula = WeightFormula::kQuadratic;
  MemoryQosGeneration memory_qos = MemoryQosGeneration::k1_36;
  // By pod uid. A pod that is not listed is admitted and assigned nothing.
  std::map<std::string, PodAdmission, std::less<>> admissions;
};

// The tree for `pods` in the order given. Terminated pods are left out with a warning. Errors: a
// node or configuration that the kubelet refuses (reservations above capacity, a bad eviction
// threshold), two pods with one uid, a name that is no path component.
Result<Plan> MakePlan(const NodeSpec& node, const KubeletConfiguration& config,
                      const std::vector<Pod>& pods, const PlanOptions& options = {});

// The tree as text, a cgroup a paragraph, a knob a line.
std::string RenderPlan(const Plan& plan);

// {"driver", "capacity", "allocatable", "pods": […], "tree": {…}, "warnings": […]}.
nlohmann::json PlanToJson(const Plan& plan);

}  // namespace nodeproof::kubelet
