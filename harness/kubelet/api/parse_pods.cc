#include "harness/kubelet/api/parse_pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "harness/kubelet/api/object_reader.h"

namespace nodeproof::kubelet {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMinInt32 = std::numeric_limits<int32_t>::min();

// Fields of the API that do not change how a node isolates a pod.
constexpr std::string_view kObjectFields[] = {"apiVersion", "kind"};
constexpr std::string_view kPodFields[] = {"apiVersion", "kind", "status"};
constexpr std::string_view kMetadataFields[] = {
    "generateName", "selfLink",          "resourceVersion",
    "generation",   "creationTimestamp", "deletionTimestamp",
    "labels",       "ownerReferences",   "deletionGracePeriodSeconds",
    "finalizers",   "managedFields",     "clusterName"};
constexpr std::string_view kSpecFields[] = {"ephemeralContainers",
                                            "restartPolicy",
                                            "activeDeadlineSeconds",
                                            "dnsPolicy",
                                            "nodeSelector",
                                            "serviceAccountName",
                                            "serviceAccount",
                                            "nodeName",
                                            "automountServiceAccountToken",
                                            "hostNetwork",
                                            "hostPID",
                                            "hostIPC",
                                            "hostname",
                                            "subdomain",
                                            "shareProcessNamespace",
                                            "securityContext",
                                            "imagePullSecrets",
                                            "affinity",
                                            "schedulerName",
                                            "hostAliases",
                                            "dnsConfig",
                                            "readinessGates",
                                            "enableServiceLinks",
                                            "preemptionPolicy",
                                            "setHostnameAsFQDN",
                                            "os",
                                            "topologySpreadConstraints",
                                            "hostUsers",
                                            "schedulingGates",
                                            "resourceClaims",
                                            "hostnameOverride",
                                            "workloadRef",
                                            "schedulingGroup"};
constexpr std::string_view kContainerFields[] = {"command",
                                                 "args",
                                                 "workingDir",
                                                 "ports",
                                                 "envFrom",
                                                 "env",
                                                 "resizePolicy",
                                                 "restartPolicyRules",
                                                 "volumeDevices",
                                                 "livenessProbe",
                                                 "readinessProbe",
                                                 "startupProbe",
                                                 "lifecycle",
                                                 "stdin",
                                                 "stdinOnce",
                                                 "terminationMessagePath",
                                                 "imagePullPolicy",
                                                 "securityContext",
                                                 "tty",
                                                 "terminationMessagePolicy"};
constexpr std::string_view kMountFields[] = {"readOnly", "recursiveReadOnly", "subPath",
                                             "subPathExpr", "mountPropagation"};
constexpr std::string_view kResourceFields[] = {"claims"};

struct NamedSource {
  std::string_view field;
  VolumeKind kind;
};
constexpr NamedSource kVolumeSources[] = {{"emptyDir", VolumeKind::kEmptyDir},
                                          {"hostPath", VolumeKind::kHostPath},
                                          {"configMap", VolumeKind::kConfigMap},
                                          {"secret", VolumeKind::kSecret},
                                          {"gitRepo", VolumeKind::kGitRepo},
                                          {"persistentVolumeClaim", VolumeKind::kOther},
                                          {"projected", VolumeKind::kOther},
                                          {"downwardAPI", VolumeKind::kOther},
                                          {"csi", VolumeKind::kOther},
                                          {"ephemeral", VolumeKind::kOther},
                                          {"nfs", VolumeKind::kOther},
                                          {"iscsi", VolumeKind::kOther},
                                          {"fc", VolumeKind::kOther},
                                          {"image", VolumeKind::kOther},
                                          {"gcePersistentDisk", VolumeKind::kOther},
                                          {"awsElasticBlockStore", VolumeKind::kOther},
                                          {"azureDisk", VolumeKind::kOther},
                                          {"azureFile", VolumeKind::kOther},
                                          {"cephfs", VolumeKind::kOther},
                                          {"cinder", VolumeKind::kOther},
                                          {"flexVolume", VolumeKind::kOther},
                                          {"flocker", VolumeKind::kOther},
                                          {"glusterfs", VolumeKind::kOther},
                                          {"photonPersistentDisk", VolumeKind::kOther},
                                          {"portworxVolume", VolumeKind::kOther},
                                          {"quobyte", VolumeKind::kOther},
                                          {"rbd", VolumeKind::kOther},
                                          {"scaleIO", VolumeKind::kOther},
                                          {"storageos", VolumeKind::kOther},
                                          {"vsphereVolume", VolumeKind::kOther}};

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123: lowercase letters, digits and '-', and '.' between labels if `dots`.
bool IsDnsName(std::string_view name, size_t max_size, bool dots) {
  if (name.empty() || name.size() > max_size) return false;
  char before = '.';
  for (const char c : name) {
    const bool dash = c == '-' && before != '.';
    const bool dot = c == '.' && dots && IsLowerAlnum(before);
    if (!IsLowerAlnum(c) && !dash && !dot) return false;
    before = c;
  }
  return IsLowerAlnum(before);
}

// A uid becomes part of a cgroup's name: no '/', '_' or "..".
bool IsUid(std::string_view uid) {
  constexpr size_t kMaxUid = 128;
  return !uid.empty() && uid.size() <= kMaxUid && uid.find("..") == std::string_view::npos &&
         std::ranges::all_of(uid, [](char c) {
           return IsLowerAlnum(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
         });
}

// A uid that is the same on every run: 128 bits of FNV-1a over the name, in the usual notation.
std::string MadeUpUid(const Pod& pod) {
  const auto hash = [](uint64_t state, std::string_view text) {
    for (const char c : text) state = (state ^ static_cast<uint8_t>(c)) * 0x100000001b3U;
    return state;
  };
  const std::string name = FullName(pod);
  const uint64_t high = hash(0xcbf29ce484222325U, name);
  const uint64_t low = hash(high, name);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffff'ffff'ffff);
}

Result<ResourceRequirements> ReadResources(ObjectReader& owner) {
  ResourceRequirements resources;
  TRY(owner.Object("resources", [&](ObjectReader& object) -> Status {
    object.Ignore(kResourceFields);
    resources.requests = TRY(object.Resources("requests"));
    resources.limits = TRY(object.Resources("limits"));
    return {};
  }));
  return resources;
}

Result<Container> ReadContainer(ObjectReader& object) {
  object.Ignore(kContainerFields);
  Container container;
  container.name = TRY(object.StringOr("name", ""));
  constexpr size_t kMaxLabel = 63;
  if (!IsDnsName(container.name, kMaxLabel, false)) {
    return object.Refuse("name", fmt::format("'{}' is no container name", container.name),
                         "use lowercase letters, digits and '-', at most 63");
  }
  container.image = TRY(object.StringOr("image", ""));
  constexpr std::string_view kPolicies[] = {"Always", "OnFailure", "Never"};
  container.restart_policy = TRY(object.OneOf("restartPolicy", kPolicies)).value_or("");
  container.resources = TRY(ReadResources(object));
  TRY(object.ForEach("volumeMounts", [&](ObjectReader& mount) -> Status {
    mount.Ignore(kMountFields);
    VolumeMount entry;
    entry.name = TRY(mount.StringOr("name", ""));
    entry.mount_path = TRY(mount.StringOr("mountPath", ""));
    container.volume_mounts.push_back(std::move(entry));
    return {};
  }));
  return container;
}

Result<std::vector<Container>> ReadContainers(ObjectReader& spec, std::string_view key) {
  std::vector<Container> containers;
  TRY(spec.ForEach(key, [&](ObjectReader& object) -> Status {
    containers.push_back(TRY(ReadContainer(object)));
    return {};
  }));
  return containers;
}

Result<Volume> ReadVolume(ObjectReader& object) {
  Volume volume;
  volume.name = TRY(object.StringOr("name", ""));
  // A volume without any source is an emptyDir.
  volume.kind = VolumeKind::kEmptyDir;
  volume.source = "emptyDir";
  for (const auto& [field, kind] : kVolumeSources) {
    if (object.Field(field) == nullptr) continue;
    volume.kind = kind;
    volume.source = field;
  }
  TRY(object.Object("emptyDir", [&](ObjectReader& empty_dir) -> Status {
    volume.medium = TRY(empty_dir.StringOr("medium", ""));
    volume.size_limit = TRY(empty_dir.QuantityField("sizeLimit"));
    return {};
  }));
  return volume;
}

Result<Toleration> ReadToleration(ObjectReader& object) {
  constexpr std::string_view kOperators[] = {"", "Equal", "Exists", "Lt", "Gt"};
  constexpr std::string_view kEffects[] = {"", "NoSchedule", "PreferNoSchedule", "NoExecute"};
  Toleration toleration;
  toleration.key = TRY(object.StringOr("key", ""));
  toleration.op = TRY(object.OneOf("operator", kOperators)).value_or("");
  toleration.value = TRY(object.StringOr("value", ""));
  toleration.effect = TRY(object.OneOf("effect", kEffects)).value_or("");
  toleration.seconds = TRY(object.Int("tolerationSeconds", INT64_MIN, INT64_MAX));
  return toleration;
}

Status ReadMetadata(ObjectReader& metadata, Pod& pod) {
  metadata.Ignore(kMetadataFields);
  constexpr size_t kMaxSubdomain = 253;
  pod.name = TRY(metadata.StringOr("name", ""));
  if (!IsDnsName(pod.name, kMaxSubdomain, true)) {
    return metadata.Refuse("name", fmt::format("'{}' is no pod name", pod.name),
                           "use lowercase letters, digits, '-' and '.', at most 253");
  }
  pod.pod_namespace = TRY(metadata.StringOr("namespace", "default"));
  constexpr size_t kMaxLabel = 63;
  if (!IsDnsName(pod.pod_namespace, kMaxLabel, false)) {
    return metadata.Refuse("namespace", fmt::format("'{}' is no namespace", pod.pod_namespace),
                           "use lowercase letters, digits and '-', at most 63");
  }
  pod.annotations = TRY(metadata.StringMap("annotations"));
  pod.uid = TRY(metadata.StringOr("uid", ""));
  if (pod.uid.empty()) pod.uid = MadeUpUid(pod);
  if (!IsUid(pod.uid)) {
    return metadata.Refuse("uid", fmt::format("'{}' is no uid", pod.uid),
                           "use letters, digits, '-' and single '.'");
  }
  return {};
}

struct PriorityClass {
  int32_t value = 0;
  bool is_default = false;
};

// The classes that pods of one input may name.
struct Classes {
  std::map<std::string, PriorityClass, std::less<>> priority = {
      {std::string(kSystemNodeCritical), {kSystemCriticalPriority + 1000, false}},
      {std::string(kSystemClusterCritical), {kSystemCriticalPriority, false}}};
  std::map<std::string, ResourceList, std::less<>> runtime_overhead;
};

// A pod with what is still to be looked up.
struct PendingPod {
  Pod pod;
  std::string runtime_class;
};

Status ReadSpec(ObjectReader& spec, PendingPod& pending) {
  spec.Ignore(kSpecFields);
  Pod& pod = pending.pod;
  pod.init_containers = TRY(ReadContainers(spec, "initContainers"));
  pod.containers = TRY(ReadContainers(spec, "containers"));
  if (pod.containers.empty())
    return spec.Refuse("containers", "a pod needs at least one container");
  if (spec.Field("resources") != nullptr) pod.resources = TRY(ReadResources(spec));
  pod.overhead = TRY(spec.Resources("overhead"));
  if (const auto priority = TRY(spec.Int("priority", kMinInt32, kMaxInt32))) {
    pod.priority = static_cast<int32_t>(*priority);
  }
  pod.priority_class = TRY(spec.StringOr("priorityClassName", ""));
  pending.runtime_class = TRY(spec.StringOr("runtimeClassName", ""));
  pod.termination_grace_seconds = TRY(spec.Int("terminationGracePeriodSeconds", 0, INT64_MAX));
  TRY(spec.ForEach("volumes", [&](ObjectReader& object) -> Status {
    pod.volumes.push_back(TRY(ReadVolume(object)));
    return {};
  }));
  return spec.ForEach("tolerations", [&](ObjectReader& object) -> Status {
    pod.tolerations.push_back(TRY(ReadToleration(object)));
    return {};
  });
}

// The two status fields that the kubelet's policy looks at; the rest is written by kubelets.
Status ReadStatus(const YamlNode& node, ObjectReader& object, Pod& pod) {
  FieldPolicy ignore_unknown;
  ObjectReader status = TRY(ObjectReader::Create(node, object.PathOf("status"), ignore_unknown));
  pod.phase = TRY(status.StringOr("phase", ""));
  constexpr std::string_view kClasses[] = {"", "Guaranteed", "Burstable", "BestEffort"};
  const std::string qos = TRY(status.OneOf("qosClass", kClasses)).value_or("");
  for (const QosClass each : {QosClass::kGuaranteed, QosClass::kBurstable, QosClass::kBestEffort}) {
    if (qos == ToString(each)) pod.status_qos = each;
  }
  return {};
}

Result<PendingPod> ReadPod(ObjectReader& object) {
  object.Ignore(kPodFields);
  PendingPod pending;
  if (object.Field("metadata") == nullptr) {
    return object.Refuse("metadata", "a pod needs metadata.name");
  }
  if (object.Field("spec") == nullptr) return object.Refuse("spec", "a pod needs a spec");
  TRY(object.Object("metadata",
                    [&](ObjectReader& metadata) { return ReadMetadata(metadata, pending.pod); }));
  TRY(object.Object("spec", [&](ObjectReader& spec) { return ReadSpec(spec, pending); }));
  if (const YamlNode* status = object.Field("status")) {
    TRY(ReadStatus(*status, object, pending.pod));
  }
  TRY(object.Finish());
  return pending;
}

Result<std::string> ReadClassName(ObjectReader& object) {
  std::string name;
  TRY(object.Object("metadata", [&](ObjectReader& metadata) -> Status {
    metadata.Ignore(kMetadataFields);
    TRY(metadata.StringMap("annotations"));
    TRY(metadata.String("uid"));
    name = TRY(metadata.StringOr("name", ""));
    return {};
  }));
  if (name.empty()) return object.Refuse("metadata", "needs a name");
  return name;
}

Status ReadPriorityClass(ObjectReader& object, Classes& classes) {
  constexpr std::string_view kFields[] = {"apiVersion", "kind", "description", "preemptionPolicy"};
  object.Ignore(kFields);
  const std::string name = TRY(ReadClassName(object));
  PriorityClass priority;
  priority.value = static_cast<int32_t>(TRY(object.Int("value", kMinInt32, kMaxInt32)).value_or(0));
  priority.is_default = TRY(object.Bool("globalDefault")).value_or(false);
  classes.priority.insert_or_assign(name, priority);
  return object.Finish();
}

Status ReadRuntimeClass(ObjectReader& object, Classes& classes) {
  constexpr std::string_view kFields[] = {"apiVersion", "kind", "handler", "scheduling"};
  object.Ignore(kFields);
  const std::string name = TRY(ReadClassName(object));
  ResourceList overhead;
  TRY(object.Object("overhead", [&](ObjectReader& fixed) -> Status {
    overhead = TRY(fixed.Resources("podFixed"));
    return {};
  }));
  classes.runtime_overhead.insert_or_assign(name, std::move(overhead));
  return object.Finish();
}

// Everything read so far.
struct Input {
  FieldPolicy policy;
  Classes classes;
  std::vector<PendingPod> pods;
};

Status ReadObject(ObjectReader& object, Input& input, std::string_view assumed_kind);

Status ReadList(ObjectReader& object, Input& input, std::string_view item_kind) {
  constexpr std::string_view kFields[] = {"apiVersion", "kind", "metadata"};
  object.Ignore(kFields);
  const YamlNode* items = object.Field("items");
  if (items == nullptr) return object.Finish();
  if (!items->IsSequence()) return object.Refuse("items", "must be a list");
  for (size_t i = 0; i < items->items.size(); ++i) {
    ObjectReader item = TRY(ObjectReader::Create(
        items->items[i], fmt::format("{}[{}]", object.PathOf("items"), i), object.policy()));
    TRY(ReadObject(item, input, item_kind));
  }
  return object.Finish();
}

Status ReadObject(ObjectReader& object, Input& input, std::string_view assumed_kind) {
  object.Ignore(kObjectFields);
  const std::string kind = TRY(object.StringOr("kind", std::string(assumed_kind)));
  const std::string version = TRY(object.StringOr("apiVersion", kind == "Pod" ? "v1" : ""));
  if (kind.empty()) return object.Refuse("kind", "is missing", "give kind: Pod and apiVersion: v1");
  if (kind == "Pod" && version == "v1") {
    input.pods.push_back(TRY(ReadPod(object)));
    return {};
  }
  if (kind == "PodList" && (version == "v1" || version.empty()))
    return ReadList(object, input, "Pod");
  if (kind == "List" && (version == "v1" || version.empty())) return ReadList(object, input, "");
  if (kind == "PriorityClass" && version.starts_with("scheduling.k8s.io/")) {
    return ReadPriorityClass(object, input.classes);
  }
  if (kind == "RuntimeClass" && version.starts_with("node.k8s.io/")) {
    return ReadRuntimeClass(object, input.classes);
  }
  return object.policy().Report(
      fmt::format("{} {}{} is not a Pod and is skipped", version, kind, object.node().At()));
}

// The admission plug-ins Priority and RuntimeClass.
Status ResolveClasses(PendingPod& pending, Input& input) {
  Pod& pod = pending.pod;
  if (!pod.priority) {
    const PriorityClass* found = nullptr;
    for (const auto& [name, priority] : input.classes.priority) {
      if (pod.priority_class.empty() ? priority.is_default : name == pod.priority_class) {
        found = &priority;
      }
    }
    if (found != nullptr) {
      pod.priority = found->value;
    } else if (!pod.priority_class.empty()) {
      TRY(input.policy.Report(
          fmt::format("pod {}: no PriorityClass {} is given, its priority is taken as 0",
                      FullName(pod), pod.priority_class)));
    }
  }
  if (pending.runtime_class.empty() || !pod.overhead.empty()) return {};
  const auto overhead = input.classes.runtime_overhead.find(pending.runtime_class);
  if (overhead != input.classes.runtime_overhead.end()) {
    pod.overhead = overhead->second;
    return {};
  }
  return input.policy.Report(
      fmt::format("pod {}: no RuntimeClass {} is given, its overhead is taken as 0", FullName(pod),
                  pending.runtime_class));
}

Status ReadText(std::string_view text, Input& input) {
  for (const YamlNode& document : TRY(ParseYamlStream(text))) {
    ObjectReader object = TRY(ObjectReader::Create(document, "", input.policy));
    TRY(ReadObject(object, input, ""));
  }
  return {};
}

}  // namespace

Result<ParsedPods> ParsePods(const std::vector<PodSource>& sources,
                             const PodParseOptions& options) {
  Input input;
  input.policy.strict = options.strict;
  for (const PodSource& source : sources) {
    if (Status read = ReadText(source.text, input); !read) {
      Error error = read.error();
      if (!source.name.empty()) error.message = source.name + ": " + error.message;
      return std::unexpected(std::move(error));
    }
  }
  ParsedPods parsed;
  std::set<std::string> names;
  std::set<std::string> uids;
  for (PendingPod& pending : input.pods) {
    Pod& pod = pending.pod;
    if (options.api_server) {
      TRY(ResolveClasses(pending, input));
      ApplyApiDefaults(pod);
      TRY(ValidatePodResources(pod));
    }
    if (!names.insert(FullName(pod)).second) {
      return std::unexpected(
          WithHint(Error{fmt::format("pod {} is given twice", FullName(pod)), "", 0},
                   "give each its own name or namespace"));
    }
    if (!uids.insert(pod.uid).second) {
      return std::unexpected(WithHint(
          Error{fmt::format("pod {} has the uid {} of another pod", FullName(pod), pod.uid), "", 0},
          "leave metadata.uid out, or make it unique"));
    }
    parsed.pods.push_back(std::move(pod));
  }
  parsed.warnings = std::move(input.policy.warnings);
  return parsed;
}

Result<ParsedPods> ParsePods(std::string_view text, const PodParseOptions& options) {
  return ParsePods(std::vector{PodSource{"", std::string(text)}}, options);
}

}  // namespace nodeproof::kubelet
