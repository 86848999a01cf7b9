// The parts of the Kubernetes Pod API (core/v1) that decide how a node isolates it: what the
// containers ask for, who they are, how important they are, and which volumes they write to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/kubelet/api/quantity.h"

namespace nodeproof::kubelet {

// Names of resources as the API spells them.
inline constexpr std::string_view kCpu = "cpu";
inline constexpr std::string_view kMemory = "memory";
inline constexpr std::string_view kEphemeralStorage = "ephemeral-storage";
inline constexpr std::string_view kPid = "pid";
inline constexpr std::string_view kHugepagesPrefix = "hugepages-";

// Pods at or above this priority are critical (scheduling.SystemCriticalPriority).
inline constexpr int32_t kSystemCriticalPriority = 2'000'000'000;
inline constexpr std::string_view kSystemNodeCritical = "system-node-critical";
inline constexpr std::string_view kSystemClusterCritical = "system-cluster-critical";

// Annotations by which the kubelet knows where a pod came from (pkg/kubelet/types/pod_update.go).
inline constexpr std::string_view kConfigSourceAnnotation = "kubernetes.io/config.source";
inline constexpr std::string_view kConfigMirrorAnnotation = "kubernetes.io/config.mirror";

// Resource name -> quantity. Lookups take a string_view.
using ResourceList = std::map<std::string, Quantity, std::less<>>;

// The quantity of `name`, or zero if the list does not have it.
Quantity Amount(const ResourceList& list, std::string_view name);
// The quantity of `name`, or nullopt if the list does not have it.
std::optional<Quantity> Find(const ResourceList& list, std::string_view name);
// target[name] += amount for every entry.
void Add(ResourceList& target, const ResourceList& amount);

struct ResourceRequirements {
  ResourceList requests;
  ResourceList limits;
  bool operator==(const ResourceRequirements&) const = default;
};

struct VolumeMount {
  std::string name;  // of the volume
  std::string mount_path;
  bool operator==(const VolumeMount&) const = default;
};

struct Container {
  std::string name;
  std::string image;
  ResourceRequirements resources;
  std::string
      restart_policy;  // of the container itself; "" (inherit) or "Always" in init containers
  std::vector<VolumeMount> volume_mounts;

  ResourceList& requests() { return resources.requests; }
  ResourceList& limits() { return resources.limits; }
  const ResourceList& requests() const { return resources.requests; }
  const ResourceList& limits() const { return resources.limits; }
  // Restartable (an init container that keeps running): a sidecar when it stands among the init
  // containers.
  bool restartable() const { return restart_policy == "Always"; }
  bool operator==(const Container&) const = default;
};

// An ordinary init container ends before the next container starts; a sidecar (a restartable init
// container) goes on beside the regular ones.
enum class ContainerKind { kRegular, kSidecar, kInit };

enum class VolumeKind { kEmptyDir, kHostPath, kConfigMap, kSecret, kGitRepo, kOther };

struct Volume {
  std::string name;
  VolumeKind kind = VolumeKind::kOther;
  std::string source;                  // the API field, e.g. "persistentVolumeClaim"
  std::string medium;                  // emptyDir: "", "Memory", "HugePages", "HugePages-2Mi"
  std::optional<Quantity> size_limit;  // emptyDir
  bool operator==(const Volume&) const = default;
};

struct Toleration {
  std::string key;  // "" with operator Exists tolerates everything
  std::string op;   // "Equal" (or "") or "Exists"
  std::string value;
  std::string effect;  // "" is every effect
  std::optional<int64_t> seconds;
  bool operator==(const Toleration&) const = default;
};

// The three QoS classes (core/v1 PodQOSClass).
enum class QosClass { kGuaranteed, kBurstable, kBestEffort };
std::string_view ToString(QosClass qos);

struct Pod {
  std::string uid;
  std::string pod_namespace = "default";
  std::string name;
  std::map<std::string, std::string, std::less<>> annotations;

  std::vector<Container> init_containers;  // in start order; restartable ones are sidecars
  std::vector<Container> containers;
  std::optional<ResourceRequirements> resources;  // spec.resources; nullopt is not the same as {}
  ResourceList overhead;                          // spec.overhead, from the RuntimeClass

  std::optional<int32_t> priority;
  std::string priority_class;
  std::optional<int64_t> termination_grace_seconds;
  std::string phase;                   // status.phase; "" when unknown
  std::optional<QosClass> status_qos;  // status.qosClass, which overrides the computed class
  std::vector<Volume> volumes;
  std::vector<Toleration> tolerations;

  bool operator==(const Pod&) const = default;
};

// "namespace/name".
std::string FullName(const Pod& pod);
// A pod that the kubelet got from a file or URL, not from the API server
// (pkg/kubelet/types/pod_update.go IsStaticPod).
bool IsStatic(const Pod& pod);
// The API object that stands for a static pod (IsMirrorPod).
bool IsMirror(const Pod& pod);
// Static, mirror, or of a system-critical priority (IsCriticalPod).
bool IsCritical(const Pod& pod);
// Critical and of the class system-node-critical (IsNodeCriticalPod).
bool IsNodeCritical(const Pod& pod);
// Succeeded or Failed: its cgroup is gone and it counts no more in the QoS sums.
bool IsTerminated(const Pod& pod);

}  // namespace nodeproof::kubelet
