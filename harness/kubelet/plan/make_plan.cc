#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "harness/base/file.h"
#include "harness/kubelet/api/aggregate.h"
#include "harness/kubelet/names/cgroup_name.h"
#include "harness/kubelet/plan/admit_fit.h"
#include "harness/kubelet/plan/knobs.h"
#include "harness/kubelet/plan/plan.h"
#include "harness/kubelet/resources/qos.h"

namespace nodeproof::kubelet {
namespace {

// A container id as runtimes make them, 64 hexadecimal digits, but the same on every run.
std::string MadeUpContainerId(const Pod& pod, std::string_view container) {
  uint64_t state = 0xcbf29ce484222325U;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) state = (state ^ static_cast<uint8_t>(c)) * 0x100000001b3U;
  };
  std::string id;
  for (const char round : {'a', 'b', 'c', 'd'}) {
    mix(pod.uid);
    mix("/");
    mix(container);
    mix(std::string_view(&round, 1));
    id += fmt::format("{:016x}", state);
  }
  return id;
}

// The cgroup at `path` below `root`, made without knobs (and whatever is missing above it) if
// needed.
PlannedCgroup& CgroupAt(PlannedCgroup& root, const std::string& path, CgroupRole role) {
  PlannedCgroup* at = &root;
  size_t begin = 1;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    auto child = std::ranges::find(at->children, name, &PlannedCgroup::name);
    if (child == at->children.end()) {
      PlannedCgroup made;
      made.name = name;
      made.path = path.substr(0, end);
      made.role = role;
      at->children.push_back(std::move(made));
      child = std::prev(at->children.end());
    }
    at = &*child;
    begin = end + 1;
  }
  return *at;
}

class PlanBuilder {
 public:
  PlanBuilder(const NodeSpec& node, const KubeletConfiguration& config,
              const std::vector<Pod>& pods, const PlanOptions& options)
      : pods_(pods),
        options_(options),
        context_{node, config, {}, CgroupDriver::kSystemd, options.weight_formula, {}, {}} {}

  Result<Plan> Build() {
    TRY(Prepare());
    TRY(AdmitPods());
    TRY(BuildNodeLevel());
    for (size_t i = 0; i < pods_.size(); ++i) {
      if (plan_.pods[i].admitted) TRY(BuildPod(pods_[i], plan_.pods[i]));
    }
    return std::move(plan_);
  }

 private:
  Status Prepare();
  Status AdmitPods();
  Status BuildNodeLevel();
  Status BuildReserved(const std::optional<NodeCgroupConfig>& reserved, const std::string& cgroup,
                       std::string_view field);
  Status BuildPod(const Pod& pod, PlannedPod& planned);
  Result<PlannedCgroup> BuildContainer(const Pod& pod, const PlannedCgroup& parent,
                                       const Container& container, ContainerKind kind);
  const PodAdmission* AdmissionOf(const Pod& pod) const;
  ContainerAssignment AssignmentOf(const Pod& pod, const std::string& container) const;
  Result<std::string> PathOf(const CgroupName& name) const { return ToPath(name, context_.driver); }
  const KubeletConfiguration& config() const { return context_.config; }

  const std::vector<Pod>& pods_;
  const PlanOptions& options_;
  KnobContext context_;
  CgroupName node_slice_;
  Plan plan_;
};

Status PlanBuilder::Prepare() {
  if (!config().cgroups_per_qos) {
    return std::unexpected(
        WithHint(Error{"with cgroupsPerQOS off the kubelet makes no cgroups to plan", "", 0},
                 "leave it on"));
  }
  if (context_.node.cpus.empty()) return Fail("the node has no CPUs");
  context_.driver =
      options_.driver.value_or(config().cgroup_driver.value_or(CgroupDriver::kSystemd));
  context_.reservations = TRY(ReservationsOf(context_.node, config()));
  TRY(ValidateReservations(context_.reservations));
  if (config().feature_gates.Enabled(kMemoryQoS)) {
    MemoryQosSettings settings;
    settings.generation = options_.memory_qos;
    settings.policy = config().memory_reservation_policy;
    settings.throttling_factor =
        config().memory_throttling_factor.value_or(DefaultThrottlingFactor(options_.memory_qos));
    settings.page_size = {context_.node.page_size};
    settings.node_allocatable_memory = {
        Amount(EnforcedOnPods(context_.reservations), kMemory).Value()};
    context_.memory_qos = settings;
  }
  node_slice_ = NodeAllocatableName(ParseCgroupfs(config().cgroup_root));
  plan_.driver = context_.driver;
  plan_.weight_formula = options_.weight_formula;
  plan_.capacity = context_.reservations.capacity;
  plan_.allocatable = Allocatable(context_.reservations);
  for (const auto& [size, pages] : context_.node.hugepages) plan_.hugepage_sizes.push_back(size);
  plan_.root.path = "/";
  return {};
}

Status PlanBuilder::AdmitPods() {
  FitAdmission fit(plan_.allocatable, config().max_pods, config().feature_gates);
  std::set<std::string_view> uids;
  std::vector<Pod> active;
  for (const Pod& pod : pods_) {
    if (!uids.insert(pod.uid).second) return Fail("two pods have the uid {}", pod.uid);
    PlannedPod planned;
    planned.name = FullName(pod);
    planned.uid = pod.uid;
    planned.qos = QosClassOf(pod, config().feature_gates);
    planned.critical = IsCritical(pod);
    if (IsTerminated(pod)) {
      planned.admitted = false;
      planned.reason = pod.phase;
      planned.message = "it has terminated and holds no cgroup";
      plan_.warnings.push_back(
          fmt::format("pod {} is {} and is left out", planned.name, pod.phase));
    } else if (const PodAdmission* decided = AdmissionOf(pod); decided && !decided->admitted) {
      planned.admitted = false;
      planned.reason = decided->reason;
      planned.message = decided->message;
    } else if (const std::optional<FitRefusal> refusal = fit.Admit(pod)) {
      if (planned.critical) {
        fit.Count(pod);
        plan_.warnings.push_back(
            fmt::format("critical pod {} does not fit ({}): the kubelet would evict others for it",
                        planned.name, refusal->reason));
      } else {
        planned.admitted = false;
        planned.reason = refusal->reason;
        planned.message = refusal->message;
      }
    }
    if (planned.admitted) active.push_back(pod);
    plan_.pods.push_back(std::move(planned));
  }
  context_.sums = SumByQos(active, config().feature_gates);
  return {};
}

Status PlanBuilder::BuildNodeLevel() {
  const NodeEnforcement enforcement = Enforcement(context_.reservations, config());
  CgroupAt(plan_.root, "/system.slice", CgroupRole::kSystem).knobs = {
      {"cpu.weight", "100", "the kernel's default, the kubelet leaves it alone"}};
  TRY(BuildReserved(enforcement.system_reserved, config().system_reserved_cgroup,
                    "systemReserved"));
  TRY(BuildReserved(enforcement.kube_reserved, config().kube_reserved_cgroup, "kubeReserved"));

  const std::string path = TRY(PathOf(node_slice_));
  PlannedCgroup& slice = CgroupAt(plan_.root, path, CgroupRole::kNodeSlice);
  slice.knobs = NodeSliceKnobs(context_);
  for (const QosClass qos : {QosClass::kBurstable, QosClass::kBestEffort}) {
    const std::string qos_path = TRY(PathOf(QosName(node_slice_, qos)));
    Knobs knobs = TRY(QosKnobs(context_, qos));
    CgroupAt(plan_.root, qos_path, CgroupRole::kQos).knobs = std::move(knobs);
  }
  return {};
}

Status PlanBuilder::BuildReserved(const std::optional<NodeCgroupConfig>& reserved,
                                  const std::string& cgroup, std::string_view field) {
  if (!reserved) return {};
  const CgroupName name =
      context_.driver == CgroupDriver::kSystemd ? ParseSystemd(cgroup) : ParseCgroupfs(cgroup);
  const std::string path = TRY(PathOf(name));
  CgroupAt(plan_.root, path, CgroupRole::kSystem).knobs = ReservedKnobs(context_, *reserved, field);
  return {};
}

const PodAdmission* PlanBuilder::AdmissionOf(const Pod& pod) const {
  const auto found = options_.admissions.find(pod.uid);
  return found == options_.admissions.end() ? nullptr : &found->second;
}

ContainerAssignment PlanBuilder::AssignmentOf(const Pod& pod, const std::string& container) const {
  const PodAdmission* admission = AdmissionOf(pod);
  if (admission == nullptr) return {};
  const auto found = admission->containers.find(container);
  return found == admission->containers.end() ? ContainerAssignment{} : found->second;
}

Status PlanBuilder::BuildPod(const Pod& pod, PlannedPod& planned) {
  planned.path = TRY(PathOf(TRY(PodName(node_slice_, planned.qos, pod.uid))));
  const PodAdmission* admission = AdmissionOf(pod);
  const bool exclusive =
      admission != nullptr && std::ranges::any_of(admission->containers, [](const auto& each) {
        return each.second.exclusive_cpus;
      });
  PlannedCgroup cgroup;
  cgroup.path = planned.path;
  cgroup.name = planned.path.substr(planned.path.rfind('/') + 1);
  cgroup.role = CgroupRole::kPod;
  cgroup.pod_uid = pod.uid;
  cgroup.knobs = PodKnobs(context_, pod, exclusive);
  for (const Container& container : pod.init_containers) {
    const ContainerKind kind =
        container.restartable() ? ContainerKind::kSidecar : ContainerKind::kInit;
    cgroup.children.push_back(TRY(BuildContainer(pod, cgroup, container, kind)));
  }
  for (const Container& container : pod.containers) {
    cgroup.children.push_back(TRY(BuildContainer(pod, cgroup, container, ContainerKind::kRegular)));
  }
  const std::string parent = ParentPath(planned.path);
  CgroupAt(plan_.root, parent, CgroupRole::kQos).children.push_back(std::move(cgroup));
  return {};
}

Result<PlannedCgroup> PlanBuilder::BuildContainer(const Pod& pod, const PlannedCgroup& parent,
                                                  const Container& container, ContainerKind kind) {
  const ContainerAssignment assignment = AssignmentOf(pod, container.name);
  OomScoreAdj oom = TRY(
      ContainerOomScoreAdj(pod, container, {context_.node.memory_bytes}, config().feature_gates));
  PlannedContainer planned;
  planned.pod = FullName(pod);
  planned.name = container.name;
  planned.id = MadeUpContainerId(pod, container.name);
  planned.kind = kind;
  planned.oom_score_adj = oom.value;
  planned.oom_score_adj_derivation = std::move(oom.derivation);
  if (assignment.exclusive_cpus) planned.exclusive_cpus = assignment.cpuset_cpus;
  planned.memory_nodes = assignment.cpuset_mems;

  PlannedCgroup cgroup;
  cgroup.name = ContainerCgroupName(planned.id, context_.driver);
  cgroup.path = parent.path + "/" + cgroup.name;
  cgroup.role = CgroupRole::kContainer;
  cgroup.pod_uid = pod.uid;
  cgroup.knobs = ContainerKnobs(context_, pod, container, assignment);
  cgroup.container = std::move(planned);
  return cgroup;
}

}  // namespace

Result<Plan> MakePlan(const NodeSpec& node, const KubeletConfiguration& config,
                      const std::vector<Pod>& pods, const PlanOptions& options) {
  return PlanBuilder(node, config, pods, options).Build();
}

}  // namespace nodeproof::kubelet
