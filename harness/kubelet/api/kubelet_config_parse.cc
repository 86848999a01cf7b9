// KubeletConfiguration from text.
#include <algorithm>
#include <limits>

#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/object_reader.h"

namespace nodeproof::kubelet {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();

// Fields of v1beta1 that do not change how the node isolates its pods.
constexpr std::string_view kOtherFields[] = {"apiVersion",
                                             "kind",
                                             "metadata",
                                             "enableServer",
                                             "staticPodPath",
                                             "podLogsDir",
                                             "syncFrequency",
                                             "fileCheckFrequency",
                                             "httpCheckFrequency",
                                             "staticPodURL",
                                             "staticPodURLHeader",
                                             "address",
                                             "port",
                                             "readOnlyPort",
                                             "tlsCertFile",
                                             "tlsPrivateKeyFile",
                                             "tlsCipherSuites",
                                             "tlsMinVersion",
                                             "tlsCurvePreferences",
                                             "rotateCertificates",
                                             "serverTLSBootstrap",
                                             "authentication",
                                             "authorization",
                                             "registryPullQPS",
                                             "registryBurst",
                                             "imagePullCredentialsVerificationPolicy",
                                             "preloadedImagesVerificationAllowlist",
                                             "eventRecordQPS",
                                             "eventBurst",
                                             "enableDebuggingHandlers",
                                             "enableContentionProfiling",
                                             "healthzPort",
                                             "healthzBindAddress",
                                             "oomScoreAdj",
                                             "clusterDomain",
                                             "clusterDNS",
                                             "streamingConnectionIdleTimeout",
                                             "nodeStatusUpdateFrequency",
                                             "nodeStatusReportFrequency",
                                             "nodeLeaseDurationSeconds",
                                             "imageMinimumGCAge",
                                             "imageMaximumGCAge",
                                             "imageGCHighThresholdPercent",
                                             "imageGCLowThresholdPercent",
                                             "volumeStatsAggPeriod",
                                             "kubeletCgroups",
                                             "systemCgroups",
                                             "cpuManagerReconcilePeriod",
                                             "runtimeRequestTimeout",
                                             "hairpinMode",
                                             "podCIDR",
                                             "resolvConf",
                                             "runOnce",
                                             "nodeStatusMaxImages",
                                             "maxOpenFiles",
                                             "contentType",
                                             "kubeAPIQPS",
                                             "kubeAPIBurst",
                                             "serializeImagePulls",
                                             "maxParallelImagePulls",
                                             "podsPerCore",
                                             "enableControllerAttachDetach",
                                             "protectKernelDefaults",
                                             "makeIPTablesUtilChains",
                                             "iptablesMasqueradeBit",
                                             "iptablesDropBit",
                                             "containerLogMaxSize",
                                             "containerLogMaxFiles",
                                             "containerLogMaxWorkers",
                                             "containerLogMonitorInterval",
                                             "configMapAndSecretChangeDetectionStrategy",
                                             "allowedUnsafeSysctls",
                                             "volumePluginDir",
                                             "providerID",
                                             "kernelMemcgNotification",
                                             "logging",
                                             "enableSystemLogHandler",
                                             "enableSystemLogQuery",
                                             "shutdownGracePeriod",
                                             "shutdownGracePeriodCriticalPods",
                                             "shutdownGracePeriodByPodPriority",
                                             "crashLoopBackOff",
                                             "enableProfilingHandler",
                                             "enableDebugFlagsHandler",
                                             "seccompDefault",
                                             "registerWithTaints",
                                             "registerNode",
                                             "tracing",
                                             "localStorageCapacityIsolation",
                                             "containerRuntimeEndpoint",
                                             "imageServiceEndpoint",
                                             "userNamespaces",
                                             "showHiddenMetricsForVersion",
                                             "caFile",
                                             "draManagerReconcilePeriod",
                                             "imagePullProgressDeadline"};

Result<std::optional<Nanoseconds>> DurationField(ObjectReader& object, std::string_view key) {
  const auto text = TRY(object.String(key));
  if (!text) return std::nullopt;
  const Result<Nanoseconds> duration = ParseDuration(*text);
  if (!duration) return object.Refuse(key, duration.error().message, duration.error().hint);
  return *duration;
}

// Resources of systemReserved and kubeReserved: the kubelet knows cpu, memory, ephemeral-storage
// and pid there (cmd/kubelet/app/server.go parseResourceList), and reads them as strings.
Result<ResourceList> ReservedField(ObjectReader& object, std::string_view key) {
  ResourceList list = TRY(object.Resources(key));
  for (const auto& [name, quantity] : list) {
    if (name != kCpu && name != kMemory && name != kEphemeralStorage && name != kPid &&
        !name.starts_with(kHugepagesPrefix)) {
      return object.Refuse(key, fmt::format("cannot reserve '{}'", name),
                           "use cpu, memory, ephemeral-storage or pid");
    }
  }
  return list;
}

Status ReadManagers(ObjectReader& root, KubeletConfiguration& config) {
  config.cpu_manager_policy =
      TRY(root.StringOr("cpuManagerPolicy", std::move(config.cpu_manager_policy)));
  config.cpu_manager_policy_options = TRY(root.StringMap("cpuManagerPolicyOptions"));
  config.topology_manager_policy =
      TRY(root.StringOr("topologyManagerPolicy", std::move(config.topology_manager_policy)));
  config.topology_manager_scope =
      TRY(root.StringOr("topologyManagerScope", std::move(config.topology_manager_scope)));
  config.topology_manager_policy_options = TRY(root.StringMap("topologyManagerPolicyOptions"));
  config.memory_manager_policy =
      TRY(root.StringOr("memoryManagerPolicy", std::move(config.memory_manager_policy)));
  return root.ForEach("reservedMemory", [&](ObjectReader& object) -> Status {
    MemoryReservation reservation;
    constexpr int64_t kMaxNode = 1023;
    if (object.Field("numaNode") == nullptr) return object.Refuse("numaNode", "is missing");
    reservation.numa_node = static_cast<int>(TRY(object.Int("numaNode", 0, kMaxNode)).value_or(0));
    reservation.limits = TRY(object.Resources("limits"));
    config.reserved_memory.push_back(std::move(reservation));
    return {};
  });
}

Status ReadReservations(ObjectReader& root, KubeletConfiguration& config) {
  const std::string cpus = TRY(root.StringOr("reservedSystemCPUs", ""));
  const Result<CpuSet> reserved = CpuSet::Parse(cpus);
  if (!reserved) return root.Refuse("reservedSystemCPUs", reserved.error().message);
  config.reserved_system_cpus = *reserved;
  config.system_reserved = TRY(ReservedField(root, "systemReserved"));
  config.kube_reserved = TRY(ReservedField(root, "kubeReserved"));
  config.system_reserved_cgroup = TRY(root.StringOr("systemReservedCgroup", ""));
  config.kube_reserved_cgroup = TRY(root.StringOr("kubeReservedCgroup", ""));
  if (root.Field("enforceNodeAllocatable") != nullptr) {
    config.enforce_node_allocatable = TRY(root.Strings("enforceNodeAllocatable"));
  }
  config.qos_reserved = TRY(root.StringMap("qosReserved"));
  return {};
}

Status ReadEviction(ObjectReader& root, KubeletConfiguration& config) {
  config.merge_default_eviction_settings =
      TRY(root.Bool("mergeDefaultEvictionSettings")).value_or(false);
  // An empty map is no threshold at all; only an absent one means the defaults.
  if (root.Field("evictionHard") != nullptr) {
    StringMap thresholds = TRY(root.StringMap("evictionHard"));
    if (config.merge_default_eviction_settings) thresholds.merge(StringMap(config.eviction_hard));
    config.eviction_hard = std::move(thresholds);
  }
  config.eviction_soft = TRY(root.StringMap("evictionSoft"));
  config.eviction_soft_grace_period = TRY(root.StringMap("evictionSoftGracePeriod"));
  config.eviction_minimum_reclaim = TRY(root.StringMap("evictionMinimumReclaim"));
  config.eviction_max_pod_grace_period_seconds = static_cast<int>(
      TRY(root.Int("evictionMaxPodGracePeriod", -kMaxInt32, kMaxInt32)).value_or(0));
  config.eviction_pressure_transition_period =
      TRY(DurationField(root, "evictionPressureTransitionPeriod"))
          .value_or(config.eviction_pressure_transition_period);
  return {};
}

Status ReadLimits(ObjectReader& root, KubeletConfiguration& config) {
  config.pod_pids_limit =
      TRY(root.Int("podPidsLimit", -1, std::numeric_limits<int64_t>::max())).value_or(-1);
  config.max_pods =
      static_cast<int>(TRY(root.Int("maxPods", 0, kMaxInt32)).value_or(config.max_pods));
  config.cpu_cfs_quota = TRY(root.Bool("cpuCFSQuota")).value_or(true);
  if (const auto period = TRY(DurationField(root, "cpuCFSQuotaPeriod"))) {
    config.cpu_cfs_quota_period = std::chrono::duration_cast<Microseconds>(*period);
  }
  config.memory_throttling_factor = TRY(root.Double("memoryThrottlingFactor"));
  constexpr std::string_view kPolicies[] = {"", "None", "TieredReservation"};
  if (TRY(root.OneOf("memoryReservationPolicy", kPolicies)) == "TieredReservation") {
    config.memory_reservation_policy = MemoryReservationPolicy::kTieredReservation;
  }
  config.single_process_oom_kill = TRY(root.Bool("singleProcessOOMKill"));
  config.fail_swap_on = TRY(root.Bool("failSwapOn")).value_or(true);
  return root.Object("memorySwap", [&](ObjectReader& swap) -> Status {
    constexpr std::string_view kBehaviors[] = {"", "NoSwap", "LimitedSwap"};
    if (TRY(swap.OneOf("swapBehavior", kBehaviors)) == "LimitedSwap") {
      config.swap_behavior = SwapBehavior::kLimitedSwap;
    }
    return {};
  });
}

Status ReadCgroups(ObjectReader& root, KubeletConfiguration& config) {
  constexpr std::string_view kDrivers[] = {"", "systemd", "cgroupfs"};
  const auto driver = TRY(root.OneOf("cgroupDriver", kDrivers));
  if (driver == "systemd") config.cgroup_driver = CgroupDriver::kSystemd;
  if (driver == "cgroupfs") config.cgroup_driver = CgroupDriver::kCgroupfs;
  std::string cgroup_root = TRY(root.StringOr("cgroupRoot", ""));
  if (!cgroup_root.empty()) config.cgroup_root = std::move(cgroup_root);
  config.cgroups_per_qos = TRY(root.Bool("cgroupsPerQOS")).value_or(true);
  return root.Object("featureGates", [&](ObjectReader& gates) -> Status {
    for (const auto& [name, value] : gates.node().fields) {
      const bool enabled = TRY(gates.Bool(name)).value_or(false);
      const Status set = config.feature_gates.Set(name, enabled);
      if (set) continue;
      // Kubernetes has far more gates than change isolation: one that is not known here is a
      // warning.
      const bool unknown = set.error().message.starts_with("unknown");
      if (!unknown) return gates.Refuse(name, set.error().message, set.error().hint);
      TRY(gates.policy().Report(
          fmt::format("feature gate \"{}\"{} is not one that the model knows, it is ignored", name,
                      value.At())));
    }
    return {};
  });
}

}  // namespace

Result<ParsedKubeletConfiguration> ParseKubeletConfiguration(std::string_view text,
                                                             const ConfigParseOptions& options) {
  const std::vector<YamlNode> documents = TRY(ParseYamlStream(text));
  if (documents.size() != 1) {
    return std::unexpected(WithHint(
        Error{fmt::format("a kubelet configuration is one document, not {}", documents.size()), "",
              0},
        "start with kind: KubeletConfiguration"));
  }
  FieldPolicy policy{options.strict, {}};
  ObjectReader root = TRY(ObjectReader::Create(documents[0], "", policy));
  if (TRY(root.StringOr("kind", "")) != "KubeletConfiguration") {
    return root.Refuse("kind", "must be KubeletConfiguration");
  }
  if (TRY(root.StringOr("apiVersion", "")) != "kubelet.config.k8s.io/v1beta1") {
    return root.Refuse("apiVersion", "must be kubelet.config.k8s.io/v1beta1");
  }
  root.Ignore(kOtherFields);
  ParsedKubeletConfiguration parsed;
  for (const auto read : {ReadManagers, ReadReservations, ReadEviction, ReadLimits, ReadCgroups}) {
    TRY(read(root, parsed.config));
  }
  TRY(root.Finish());
  TRY(ValidateKubeletConfiguration(parsed.config));
  parsed.warnings = std::move(policy.warnings);
  return parsed;
}

}  // namespace nodeproof::kubelet
