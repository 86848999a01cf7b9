#include "harness/kubelet/plan/knobs.h"

#include <algorithm>

#include "harness/kubelet/api/aggregate.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

// What the QoS-level cgroups get for every huge page size: no limit, in the kubelet's spelling.
constexpr int64_t kUnlimitedHugepages = int64_t{1} << 62;

void Put(Knobs& knobs, std::string file, std::string value, std::string derivation) {
  knobs.push_back({std::move(file), std::move(value), std::move(derivation)});
}

void PutKubeletWeight(Knobs& knobs, int64_t shares, std::string_view of) {
  Put(knobs, "cpu.weight", fmt::format("{}", SharesToWeightByKubelet(shares)),
      fmt::format("{}, {} shares {}", WeightDerivationByKubelet(shares), shares, of));
}

// `limit` is the sum of limits that the quota came from; 0 if there was none.
void PutCpuMax(Knobs& knobs, const KnobContext& context, int64_t quota, Microseconds period,
               MilliCpu limit, std::string_view no_limit) {
  if (quota <= 0) {
    Put(knobs, "cpu.max", CpuMax(quota, period), std::string(no_limit));
    return;
  }
  const int64_t written =
      context.driver == CgroupDriver::kSystemd ? RoundQuotaForSystemd(quota, period) : quota;
  std::string why = fmt::format("{}m x {} us / 1000", limit.value, period.count());
  if (quota == kMinQuotaUsec) why += ", at least 1000 us";
  if (written != quota) why += fmt::format(" = {}, rounded up to 1% of a CPU by systemd", quota);
  Put(knobs, "cpu.max", CpuMax(written, period), std::move(why));
}

void PutHugepages(Knobs& knobs, const KnobContext& context, const HugePageLimits& limits,
                  std::string_view why) {
  HugePageLimits every = limits;
  for (const auto& [size, pages] : context.node.hugepages) every.emplace(size, 0);
  for (const auto& [size, limit] : every) {
    const bool listed = limits.contains(size);
    Put(knobs, HugetlbMaxFile(size), fmt::format("{}", limit),
        listed ? std::string(why) : "not asked for");
  }
}

void PutUnified(Knobs& knobs, const UnifiedKnobs& unified, std::string_view why) {
  for (const auto& [file, value] : unified) Put(knobs, file, value, std::string(why));
}

std::string MemoryQosName(const KnobContext& context) {
  const MemoryQosSettings& settings = *context.memory_qos;
  return fmt::format("Memory QoS {}{}", ToString(settings.generation),
                     settings.generation == MemoryQosGeneration::k1_36
                         ? fmt::format(", {}", ToString(settings.policy))
                         : "");
}

// "capacity 8Gi - systemReserved 500Mi - kubeReserved 0", with what is not there left out.
std::string EnforcedDerivation(const KnobContext& context, std::string_view resource) {
  const NodeReservations& node = context.reservations;
  std::string text = fmt::format("capacity {}", Amount(node.capacity, resource).ToString());
  if (!context.config.Enforces(kEnforcePods)) return text + ", pods are not enforced";
  for (const auto& [name, list] : {std::pair("systemReserved", &node.system_reserved),
                                   std::pair("kubeReserved", &node.kube_reserved)}) {
    if (const Quantity amount = Amount(*list, resource); !amount.IsZero()) {
      text += fmt::format(" - {} {}", name, amount.ToString());
    }
  }
  return text;
}

std::string AllCpus(const NodeSpec& node) {
  std::set<int> cpus;
  for (const NodeCpu& cpu : node.cpus) cpus.insert(cpu.cpu);
  return CpuSet(std::move(cpus)).ToString();
}

MilliCpu CpuOf(const ResourceList& list) { return {Amount(list, kCpu).MilliValue()}; }

}  // namespace

Knobs NodeSliceKnobs(const KnobContext& context) {
  Knobs knobs;
  const NodeCgroupConfig slice = Enforcement(context.reservations, context.config).kubepods;
  if (slice.cpu_shares) {
    PutKubeletWeight(knobs, *slice.cpu_shares,
                     fmt::format("for {}", EnforcedDerivation(context, kCpu)));
  }
  if (context.config.cpu_manager_policy == "none") {
    Put(knobs, "cpuset.cpus", AllCpus(context.node), "all CPUs, CPU Manager policy none");
  }
  if (context.memory_qos) {
    PutUnified(knobs,
               QosLevelMemoryProtection(context.sums.guaranteed_memory_requests,
                                        context.sums.burstable_memory_requests, *context.memory_qos)
                   .kubepods,
               "Guaranteed + Burstable memory requests, " + MemoryQosName(context));
  }
  if (slice.memory_limit && slice.memory_limit->value != 0) {
    Put(knobs, "memory.max", fmt::format("{}", slice.memory_limit->value),
        EnforcedDerivation(context, kMemory));
  }
  if (slice.pids_limit) {
    Put(knobs, "pids.max", fmt::format("{}", *slice.pids_limit), EnforcedDerivation(context, kPid));
  }
  PutHugepages(knobs, context, slice.hugepage_limits, "capacity - reserved");
  return knobs;
}

Knobs ReservedKnobs(const KnobContext& context, const NodeCgroupConfig& reserved,
                    std::string_view name) {
  Knobs knobs;
  if (reserved.cpu_shares) {
    PutKubeletWeight(knobs, *reserved.cpu_shares, fmt::format("for the cpu of {}", name));
  }
  if (reserved.memory_min) {
    Put(knobs, "memory.min", fmt::format("{}", reserved.memory_min->value),
        fmt::format("{}, {}", name, MemoryQosName(context)));
  }
  if (reserved.memory_limit && reserved.memory_limit->value != 0) {
    Put(knobs, "memory.max", fmt::format("{}", reserved.memory_limit->value), std::string(name));
  }
  if (reserved.pids_limit) {
    Put(knobs, "pids.max", fmt::format("{}", *reserved.pids_limit), std::string(name));
  }
  return knobs;
}

Result<Knobs> QosKnobs(const KnobContext& context, QosClass qos) {
  Knobs knobs;
  const bool burstable = qos == QosClass::kBurstable;
  if (burstable) {
    PutKubeletWeight(knobs, BurstableShares(context.sums),
                     fmt::format("for the {}m that Burstable pods request",
                                 context.sums.burstable_cpu_requests.value));
  } else {
    PutKubeletWeight(knobs, kMinShares, "of BestEffort");
  }
  if (burstable && context.memory_qos) {
    PutUnified(knobs,
               QosLevelMemoryProtection(context.sums.guaranteed_memory_requests,
                                        context.sums.burstable_memory_requests, *context.memory_qos)
                   .burstable,
               "Burstable memory requests, " + MemoryQosName(context));
  }
  const std::optional<int64_t> percent = TRY(ParseQosReservedMemory(context.config.qos_reserved));
  if (percent && context.config.feature_gates.Enabled(kQosReserved)) {
    const Bytes allocatable{Amount(Allocatable(context.reservations), kMemory).Value()};
    const QosMemoryLimits limits = QosReservedLimits(allocatable, context.sums, *percent);
    Put(knobs, "memory.max",
        fmt::format("{}", burstable ? limits.burstable.value : limits.besteffort.value),
        fmt::format("{} - {}% of what {} pods request",
                    burstable ? "allocatable" : "Burstable's limit", *percent,
                    burstable ? "Guaranteed" : "Burstable"));
  }
  HugePageLimits unlimited;
  for (const auto& [size, pages] : context.node.hugepages) unlimited[size] = kUnlimitedHugepages;
  PutHugepages(knobs, context, unlimited, "no limit at this level");
  return knobs;
}

Knobs PodKnobs(const KnobContext& context, const Pod& pod, bool exclusive_cpus) {
  const FeatureGates& gates = context.config.feature_gates;
  PodResourceSettings settings;
  const bool quota_off = exclusive_cpus && gates.Enabled(kDisableCpuQuotaWithExclusiveCpus);
  settings.enforce_cpu_limits = context.config.cpu_cfs_quota && !quota_off;
  settings.cpu_period = context.config.cpu_cfs_quota_period;
  settings.memory_qos = context.memory_qos;
  const ResourceConfig resources = ResourceConfigForPod(pod, settings, gates);
  const ResourceList limits = PodLimits(pod, gates);

  Knobs knobs;
  if (resources.cpu_shares) {
    PutKubeletWeight(knobs, *resources.cpu_shares,
                     QosClassOf(pod, gates) == QosClass::kBestEffort
                         ? std::string("of BestEffort")
                         : fmt::format("for {}m requested", CpuOf(PodRequests(pod, gates)).value));
  }
  if (resources.cpu_quota_usec && resources.cpu_period) {
    PutCpuMax(knobs, context, *resources.cpu_quota_usec, *resources.cpu_period, CpuOf(limits),
              quota_off                     ? "no quota, it holds exclusive CPUs"
              : settings.enforce_cpu_limits ? "no cpu limit"
                                            : "no quota, cpuCFSQuota is off");
  }
  if (context.memory_qos) {
    PutUnified(knobs, resources.unified, "memory requested, " + MemoryQosName(context));
  }
  if (resources.memory_limit && resources.memory_limit->value != 0) {
    Put(knobs, "memory.max", fmt::format("{}", resources.memory_limit->value),
        fmt::format("memory limit {}", Amount(limits, kMemory).ToString()));
  }
  if (context.config.pod_pids_limit > 0) {
    Put(knobs, "pids.max", fmt::format("{}", context.config.pod_pids_limit), "podPidsLimit");
  }
  PutHugepages(knobs, context, resources.hugepage_limits, "requested");
  return knobs;
}

namespace {

void PutContainerMemory(Knobs& knobs, const KnobContext& context, const Pod& pod,
                        const Container& container, const ContainerResources& resources) {
  const QosClass qos = QosClassOf(pod, context.config.feature_gates);
  const Quantity request = Amount(container.requests(), kMemory);
  const Quantity limit = Amount(container.limits(), kMemory);
  if (context.memory_qos) {
    PutUnified(knobs,
               ContainerMemoryQos(qos, {request.Value()}, {limit.Value()}, *context.memory_qos),
               fmt::format("request {}, limit {}, {}", request.ToString(),
                           limit.IsZero() ? "none" : limit.ToString(), MemoryQosName(context)));
  }
  if (resources.memory_limit.value != 0) {
    Put(knobs, "memory.max", fmt::format("{}", resources.memory_limit.value),
        limit.IsZero() ? "memory limit of the pod"
                       : fmt::format("memory limit {}", limit.ToString()));
  }
  const SwapBehavior swap = ContainerSwapBehavior(qos, IsCritical(pod), request, limit,
                                                  {context.config.swap_behavior, true, 2});
  if (swap == SwapBehavior::kLimitedSwap) {
    const Bytes most =
        LimitedSwapMax({request.Value()}, {context.node.memory_bytes}, {context.node.swap_bytes});
    Put(knobs, "memory.swap.max", fmt::format("{}", most.value),
        fmt::format("{} / {} x {} of swap", request.Value(), context.node.memory_bytes,
                    context.node.swap_bytes));
  } else {
    Put(knobs, "memory.swap.max", "0", "NoSwap");
  }
  PutUnified(knobs, resources.unified, "singleProcessOOMKill is off");
}

}  // namespace

Knobs ContainerKnobs(const KnobContext& context, const Pod& pod, const Container& container,
                     const ContainerAssignment& assignment) {
  const FeatureGates& gates = context.config.feature_gates;
  ContainerResourceSettings settings;
  settings.cpu_cfs_quota = context.config.cpu_cfs_quota;
  settings.cpu_period = context.config.cpu_cfs_quota_period;
  settings.disable_quota =
      assignment.exclusive_cpus && gates.Enabled(kDisableCpuQuotaWithExclusiveCpus);
  settings.single_process_oom_kill = context.config.single_process_oom_kill;
  const ContainerResources resources = ResourcesOfContainer(pod, container, settings, gates);

  Knobs knobs;
  const int64_t shares = resources.cpu_shares;
  const std::optional<Quantity> request = Find(container.requests(), kCpu);
  Put(knobs, "cpu.weight",
      fmt::format("{}", SharesToWeightByRuntime(shares, context.weight_formula)),
      fmt::format("{}, {} shares for {}m {}",
                  WeightDerivationByRuntime(shares, context.weight_formula), shares,
                  request ? request->MilliValue() : CpuOf(container.limits()).value,
                  request || !Find(container.limits(), kCpu) ? "requested" : "of limit"));
  if (resources.cpu_period.count() != 0) {
    MilliCpu limit = CpuOf(container.limits());
    if (limit.value == 0 && pod.resources) limit = CpuOf(pod.resources->limits);
    PutCpuMax(knobs, context, resources.cpu_quota_usec, resources.cpu_period, limit,
              settings.disable_quota ? "no quota, it holds exclusive CPUs" : "no cpu limit");
  }
  if (!assignment.cpuset_cpus.empty()) {
    Put(knobs, "cpuset.cpus", assignment.cpuset_cpus,
        assignment.exclusive_cpus ? "exclusive CPUs" : "shared pool");
  }
  if (!assignment.cpuset_mems.empty()) {
    Put(knobs, "cpuset.mems", assignment.cpuset_mems, "Memory Manager");
  }
  PutContainerMemory(knobs, context, pod, container, resources);
  PutHugepages(knobs, context, HugePageLimitsOf(container.limits()), "limit");
  return knobs;
}

}  // namespace nodeproof::kubelet
