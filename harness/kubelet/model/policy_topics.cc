// The topics of QoS, resources, names and Node Allocatable.
#include <cmath>
#include <limits>

#include "harness/kubelet/allocatable/node_allocatable.h"
#include "harness/kubelet/model/model.h"
#include "harness/kubelet/names/cgroup_name.h"
#include "harness/kubelet/resources/container_resources.h"
#include "harness/kubelet/resources/cpu_conversion.h"
#include "harness/kubelet/resources/pod_resources.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

Json OrNull(const auto& optional) { return optional ? Json(*optional) : Json(nullptr); }

// A field that may be absent or null.
template <typename T>
T ValueOr(const Json& the_case, const char* field, T otherwise) {
  if (!the_case.contains(field) || the_case.at(field).is_null()) return otherwise;
  return the_case.at(field).get<T>();
}

Result<std::optional<Quantity>> QuantityOf(const Json& the_case, const char* field) {
  if (!the_case.contains(field) || the_case.at(field).is_null()) return std::nullopt;
  const ResourceList list = TRY(ResourcesFromCase(Json{{field, the_case.at(field)}}));
  return list.begin()->second;
}

Result<MemoryReservationPolicy> PolicyOf(const Json& the_case) {
  const auto text = ValueOr<std::string>(the_case, "memory_reservation_policy", "None");
  if (text == "None" || text.empty()) return MemoryReservationPolicy::kNone;
  if (text == "TieredReservation") return MemoryReservationPolicy::kTieredReservation;
  return Fail("unknown memory_reservation_policy '{}'", text);
}

Result<Json> AnswerQosClass(const Json& the_case) {
  const Pod pod = TRY(PodFromCase(the_case.at("pod")));
  const FeatureGates gates = TRY(GatesFromCase(the_case));
  return Json{{"qos_class", ToString(ComputeQosClass(pod, gates))}};
}

Result<Json> AnswerOomScoreAdj(const Json& the_case) {
  const Pod pod = TRY(PodFromCase(the_case.at("pod")));
  const FeatureGates gates = TRY(GatesFromCase(the_case));
  const Bytes capacity{the_case.at("memory_capacity").get<int64_t>()};
  Json scores = Json::object();
  for (const auto* list : {&pod.init_containers, &pod.containers}) {
    for (const Container& container : *list) {
      scores[container.name] = TRY(ContainerOomScoreAdj(pod, container, capacity, gates)).value;
    }
  }
  return Json{{"oom_score_adj", std::move(scores)}};
}

Result<Json> AnswerResourceConfigForPod(const Json& the_case) {
  const Pod pod = TRY(PodFromCase(the_case.at("pod")));
  const FeatureGates gates = TRY(GatesFromCase(the_case));
  PodResourceSettings settings;
  settings.enforce_cpu_limits = ValueOr(the_case, "enforce_cpu_limits", true);
  settings.cpu_period = Microseconds(ValueOr<int64_t>(the_case, "cpu_period", 100'000));
  if (ValueOr(the_case, "enforce_memory_qos", false)) {
    settings.memory_qos = MemoryQosSettings{};
    settings.memory_qos->policy = TRY(PolicyOf(the_case));
  }
  const ResourceConfig config = ResourceConfigForPod(pod, settings, gates);
  Json answer{{"cpu_shares", OrNull(config.cpu_shares)},
              {"cpu_quota", OrNull(config.cpu_quota_usec)},
              {"cpu_period", nullptr},
              {"memory_limit", nullptr},
              {"unified", config.unified}};
  if (config.cpu_period) answer["cpu_period"] = config.cpu_period->count();
  if (config.memory_limit) answer["memory_limit"] = config.memory_limit->value;
  return answer;
}

Result<Json> AnswerConversion(const Json& the_case) {
  const auto fn = the_case.at("fn").get<std::string>();
  const auto number = [&](const char* field) { return the_case.at(field).get<int64_t>(); };
  if (fn == "milli_cpu_to_quota") {
    const FeatureGates gates = TRY(GatesFromCase(the_case));
    const Microseconds period = gates.Enabled(kCustomCpuCfsQuotaPeriod)
                                    ? Microseconds(number("period_us"))
                                    : kDefaultQuotaPeriod;
    return MilliCpuToQuota({number("milli_cpu")}, period);
  }
  if (fn == "milli_cpu_to_shares") return MilliCpuToShares({number("milli_cpu")});
  if (fn == "shares_to_weight_kubelet_linear") {
    // No shares at all is "leave the knob alone", which the kubelet writes as weight 0.
    if (the_case.at("shares").is_null()) return 0;
    return SharesToWeightByKubelet(number("shares"));
  }
  if (fn == "shares_to_weight_runtime_new") {
    return SharesToWeightByRuntime(number("shares"), WeightFormula::kQuadratic);
  }
  if (fn == "shares_to_weight_runtime_old") {
    return SharesToWeightByRuntime(number("shares"), WeightFormula::kLinear);
  }
  if (fn == "cpu_weight_to_shares") return WeightToShares(number("weight"));
  if (fn == "shares_to_milli_cpu") return SharesToMilliCpu(number("shares")).value;
  if (fn == "quota_to_milli_cpu") {
    return QuotaToMilliCpu(number("quota"), Microseconds(number("period_us"))).value;
  }
  return Fail("unknown conversion '{}'", fn);
}

Result<Json> AnswerCgroupName(const Json& the_case) {
  const auto fn = the_case.at("fn").get<std::string>();
  const auto answer = [](const auto& result) {
    return result ? Json(*result) : ErrorAnswer(result.error().ToString());
  };
  if (fn == "parse_systemd") return ParseSystemd(the_case.at("input").get<std::string>());
  if (fn == "parse_cgroupfs" || fn == "parse_cgroupfs_then_append") {
    const CgroupName parsed = ParseCgroupfs(the_case.at("input").get<std::string>());
    if (!the_case.contains("append")) return Json(parsed);
    const Json& append = the_case.at("append");
    const CgroupName components =
        append.is_array() ? append.get<CgroupName>() : CgroupName{append.get<std::string>()};
    return answer(AppendName(parsed, components));
  }
  const Result<CgroupName> name = AppendName({}, the_case.at("components").get<CgroupName>());
  if (!name) return ErrorAnswer(name.error().ToString());
  if (fn == "to_systemd") return answer(ToSystemd(*name));
  if (fn == "to_systemd_basename") return answer(ToSystemdBasename(*name));
  if (fn == "to_cgroupfs") return Json(ToCgroupfs(*name));
  return Fail("unknown name function '{}'", fn);
}

Result<Json> AnswerLinuxResources(const Json& the_case) {
  ContainerResourceSettings settings;
  settings.cpu_cfs_quota = ValueOr(the_case, "cpu_cfs_quota", true);
  settings.cpu_period = Microseconds(ValueOr<int64_t>(the_case, "cpu_period", 100'000));
  settings.disable_quota = ValueOr(the_case, "disable_cpu_quota", false);
  settings.cgroup_version = ValueOr(the_case, "cgroup_version", 2);
  if (the_case.contains("single_process_oom_kill") &&
      !the_case.at("single_process_oom_kill").is_null()) {
    settings.single_process_oom_kill = the_case.at("single_process_oom_kill").get<bool>();
  }
  const FeatureGates gates = TRY(GatesFromCase(the_case));
  const ContainerResources resources = CalculateLinuxResources(
      TRY(QuantityOf(the_case, "cpu_request")), TRY(QuantityOf(the_case, "cpu_limit")),
      TRY(QuantityOf(the_case, "memory_limit")), settings, gates);
  return Json{{"cpu_shares", resources.cpu_shares},
              {"cpu_quota", resources.cpu_quota_usec},
              {"cpu_period", resources.cpu_period.count()},
              {"memory_limit", resources.memory_limit.value},
              {"unified", resources.unified}};
}

Result<Json> AnswerSwapBehavior(const Json& the_case) {
  SwapSettings settings;
  const auto configured = ValueOr<std::string>(the_case, "configured", "NoSwap");
  settings.configured =
      configured == "LimitedSwap" ? SwapBehavior::kLimitedSwap : SwapBehavior::kNoSwap;
  settings.swap_controller_available = ValueOr(the_case, "swap_controller_available", true);
  settings.cgroup_version = ValueOr(the_case, "cgroup_version", 2);

  Pod pod;
  if (the_case.contains("pod") && !the_case.at("pod").is_null()) {
    pod = TRY(PodFromCase(the_case.at("pod")));
  }
  Container container;
  for (const auto& [field, list] : {std::pair("memory_request", &container.resources.requests),
                                    std::pair("memory_limit", &container.resources.limits)}) {
    if (const auto quantity = TRY(QuantityOf(the_case, field))) {
      list->emplace(kMemory, *quantity);
    }
  }
  if (pod.containers.empty()) pod.containers.push_back(container);
  if (the_case.contains("priority") && !the_case.at("priority").is_null()) {
    pod.priority = the_case.at("priority").get<int32_t>();
  }
  const bool critical = ValueOr(the_case, "critical", false) ||
                        ValueOr(the_case, "critical_pod", false) ||
                        ValueOr(the_case, "static", false) || IsCritical(pod);
  const auto qos_text = ValueOr<std::string>(the_case, "qos_class", "");
  QosClass qos = ComputeQosClass(pod, FeatureGates());
  for (const QosClass each : {QosClass::kGuaranteed, QosClass::kBurstable, QosClass::kBestEffort}) {
    if (qos_text == ToString(each)) qos = each;
  }
  return ToString(ContainerSwapBehavior(qos, critical,
                                        Amount(pod.containers[0].requests(), kMemory),
                                        Amount(pod.containers[0].limits(), kMemory), settings));
}

Result<Json> AnswerMemoryHigh(const Json& the_case) {
  MemoryQosSettings settings;
  settings.throttling_factor = ValueOr(the_case, "throttling_factor", 0.9);
  settings.page_size = {ValueOr<int64_t>(the_case, "page_size", 4096)};
  settings.node_allocatable_memory = {ValueOr<int64_t>(the_case, "node_allocatable_memory", 0)};
  const Bytes request{ValueOr<int64_t>(the_case, "memory_request", 0)};
  const Bytes limit{ValueOr<int64_t>(the_case, "memory_limit", 0)};
  const std::optional<Bytes> high = MemoryHigh(request, limit, settings);
  return high ? Json(high->value) : Json(nullptr);
}

Result<Json> AnswerContainerResources(const Json& the_case) {
  const auto kind = the_case.at("kind").get<std::string>();
  if (kind == "linux_resources") return AnswerLinuxResources(the_case);
  if (kind == "swap_behavior") return AnswerSwapBehavior(the_case);
  if (kind == "memory_high") return AnswerMemoryHigh(the_case);
  return Fail("unknown kind '{}'", kind);
}

Result<QosSums> SumsOf(const Json& the_case) {
  std::vector<Pod> pods;
  for (const Json& pod : the_case.at("pods")) pods.push_back(TRY(PodFromCase(pod)));
  const FeatureGates gates = TRY(GatesFromCase(the_case));
  return SumByQos(pods, gates);
}

Result<Json> AnswerQosCgroups(const Json& the_case) {
  const auto kind = the_case.at("kind").get<std::string>();
  if (kind == "qos_cpu_shares") {
    const QosSums sums = TRY(SumsOf(the_case));
    return Json{{"burstable_cpu_shares", BurstableShares(sums)},
                {"besteffort_cpu_shares", kMinShares},
                {"guaranteed_cpu_shares", nullptr}};
  }
  if (kind == "qos_memory_protection") {
    const QosSums sums = TRY(SumsOf(the_case));
    MemoryQosSettings settings;
    settings.policy = TRY(PolicyOf(the_case));
    const QosMemoryProtection protection = QosLevelMemoryProtection(
        sums.guaranteed_memory_requests, sums.burstable_memory_requests, settings);
    return Json{{"kubepods_memory.min", std::stoll(protection.kubepods.at("memory.min"))},
                {"burstable_memory.low", std::stoll(protection.burstable.at("memory.low"))}};
  }
  if (kind == "parse_qos_reserved") {
    StringMap settings;
    for (const auto& [resource, text] : the_case.at("input").items()) {
      settings[resource] = text.is_string() ? text.get<std::string>() : text.dump();
    }
    const auto percent = ParseQosReservedMemory(settings);
    if (!percent) return nullptr;
    return *percent ? Json{{kMemory, **percent}} : Json::object();
  }
  return Fail("unknown kind '{}'", kind);
}

Result<std::vector<eviction::Threshold>> ThresholdsOf(const Json& the_case) {
  std::vector<eviction::Threshold> thresholds;
  if (!the_case.contains("hard_eviction") || the_case.at("hard_eviction").is_null())
    return thresholds;
  const Json& all = the_case.at("hard_eviction");
  for (const Json& each : all.is_array() ? all : Json::array({all})) {
    const auto name = each.at("signal").get<std::string>();
    const auto signal = eviction::SignalNamed(name);
    if (!signal) return Fail("hard_eviction: unknown eviction signal \"{}\"", name);
    eviction::Threshold threshold{.signal = *signal};
    if (each.contains("value") && !each.at("value").is_null()) {
      threshold.value.quantity = TRY(QuantityOf(each.at("value"), "quantity"));
      threshold.value.percentage = ValueOr(each.at("value"), "percentage_float32", 0.0F);
    }
    thresholds.push_back(std::move(threshold));
  }
  return thresholds;
}

Result<Json> AnswerNodeAllocatable(const Json& the_case) {
  NodeReservations node;
  node.capacity = TRY(ResourcesFromCase(the_case.at("capacity")));
  node.kube_reserved = TRY(ResourcesFromCase(the_case.value("kube_reserved", Json())));
  node.system_reserved = TRY(ResourcesFromCase(the_case.value("system_reserved", Json())));
  node.hard_eviction = TRY(ThresholdsOf(the_case));

  const auto kind = the_case.at("kind").get<std::string>();
  if (kind == "validate") return Json{{"invalid", !ValidateReservations(node)}};
  if (kind != "reservation" && kind != "enforced_absolute") return Fail("unknown kind '{}'", kind);
  Json resources = Json::object();
  for (const auto& [name, quantity] :
       kind == "reservation" ? SchedulingReservation(node) : EnforcedOnPods(node)) {
    resources[name] = quantity.ToString();
  }
  return Json{{"resources", std::move(resources)}};
}

}  // namespace

void RegisterPolicyTopics(TopicTable& table) {
  table.Add("qos_class", AnswerQosClass);
  table.Add("oom_score_adj", AnswerOomScoreAdj);
  table.Add("resource_config_for_pod", AnswerResourceConfigForPod);
  table.Add("conversions", AnswerConversion);
  table.Add("cgroup_names", AnswerCgroupName);
  table.Add("container_resources", AnswerContainerResources);
  table.Add("qos_cgroups", AnswerQosCgroups);
  table.Add("node_allocatable", AnswerNodeAllocatable);
}

}  // namespace nodeproof::kubelet
