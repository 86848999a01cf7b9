// Exclusive CPUs that keep to hardware units: whole cores, NUMA nodes, last-level caches.
#include <algorithm>
#include <map>

#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/cpuset/crew.h"
#include "conformance/cpuset/static_policy.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr const char* kCountedText = "None: CPUs and sightings are counted, not estimated.";

// How many of `cpus` each unit has; `unit` is one of CpuPlace's numbers.
std::map<int, int> ByUnit(const Topology& topology, const CpuSet& cpus, int CpuPlace::*unit) {
  std::map<int, int> counts;
  for (const CpuPlace& place : topology.cpus) {
    if (cpus.Contains(place.cpu)) ++counts[place.*unit];
  }
  return counts;
}

int Largest(const std::map<int, int>& counts) {
  int largest = 0;
  for (const auto& [unit, count] : counts) largest = std::max(largest, count);
  return largest;
}

results::Check CountCheck(std::string name, double expected, double value) {
  return measure::ExactCheck(std::move(name), {expected, Relation::kWithin, 0, "count"}, value);
}

// Pods admitted one after the other under a policy: those that got in run, each where its plan
// says.
struct Admitted {
  kubelet::Plan plan;
  capsule::Tree tree;
  std::vector<Crew> crews;
  std::vector<CpuSet> cpus;  // of each crew

  std::vector<Crew*> Pointers() {
    std::vector<Crew*> pointers;
    for (Crew& crew : crews) pointers.push_back(&crew);
    return pointers;
  }
  uint64_t SeenOutside() const {
    uint64_t sum = 0;
    for (size_t i = 0; i < crews.size(); ++i) sum += crews[i].SeenOutside(cpus[i]);
    return sum;
  }
};

Result<Admitted> Run(ArmContext& context, const kubelet::KubeletConfiguration& config,
                     const std::vector<kubelet::Pod>& pods) {
  const kubelet::Plan plan = TRY(context.PlanHere(config, pods));
  Admitted admitted{plan, TRY(context.Plant(plan)), {}, {}};
  for (const kubelet::PlannedPod& pod : plan.pods) {
    if (!pod.admitted) continue;
    admitted.cpus.push_back(TRY(PlannedCpus(plan, pod.uid, context.online())));
    admitted.crews.push_back(
        TRY(Crew::Start(context, {.name = "pod " + pod.uid,
                                  .group = TRY(admitted.tree.Container(pod.uid, "main")),
                                  .cpus = admitted.cpus.back().size()})));
  }
  TRY(Observe(context, admitted.Pointers()));
  // Only who uses all its CPUs shows which ones it has.
  for (size_t i = 0; i < admitted.crews.size(); ++i) {
    AwaitSpread(context, admitted.crews[i], admitted.cpus[i]);
  }
  return admitted;
}

// The exclusive CPUs that a lone pod of `cpus` CPUs gets without any option, by unit: where they
// are already as an option would have them, the option shows nothing on this node.
Result<std::map<int, int>> WithoutOption(ArmContext& context, int cpus, int CpuPlace::*unit) {
  const kubelet::Plan plan = TRY(
      context.PlanHere(StaticPolicy(FirstCpu(context.topology())), {ExclusivePod("pod", cpus)}));
  if (!plan.pods.front().admitted) {
    return Unsupported("the node has no {} free CPUs for one pod: {}", cpus,
                       plan.pods.front().message);
  }
  return ByUnit(context.topology(), TRY(ExclusiveCpus(plan, "pod")), unit);
}

Result<results::Arm> Finish(Admitted& run, std::string description,
                            std::vector<results::Check> checks) {
  results::Arm arm =
      TRY(FinishArm(run.tree, std::move(description), run.Pointers(), std::move(checks)));
  for (size_t i = 0; i < run.crews.size(); ++i) {
    arm.load.push_back(SpreadProof(run.crews[i], run.cpus[i]));
  }
  return arm;
}

// 1 when the plan refuses the pod for this reason, so that a check can ask for it.
Result<double> RefusedFor(const kubelet::Plan& plan, std::string_view pod,
                          std::string_view reason) {
  const kubelet::PlannedPod planned = TRY(PlannedPodOf(plan, pod));
  return !planned.admitted && planned.reason == reason ? 1 : 0;
}

// Cores on which threads of two pods were seen.
size_t SharedCores(const Topology& topology, const std::vector<Crew>& crews) {
  std::map<int, size_t> users;
  for (const Crew& crew : crews) {
    for (const auto& [core, count] : ByUnit(topology, crew.Cpus(), &CpuPlace::core)) ++users[core];
  }
  size_t shared = 0;
  for (const auto& [core, count] : users) shared += count > 1 ? 1 : 0;
  return shared;
}

// kubepods ─┬─ pod odd (Guaranteed, 1 CPU)      SMTAlignmentError
//           ├─ pod even (Guaranteed, 2 CPUs)    cpuset.cpus 2-3, a core
//           └─ burstable ── pod s               cpuset.cpus 0-1, the reserved core
Result<results::Arm> MeasureFullCores(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {ExclusivePod("odd", 1), ExclusivePod("even", 2),
                                          SharedPod("s")};
  const CpuSet reserved = FirstCore(context.topology());
  const bool is_protected = context.Protected();
  Admitted run = TRY(Run(
      context, is_protected ? StaticPolicy(reserved, {"full-pcpus-only"}) : StaticPolicy(reserved),
      pods));
  return Finish(run, is_protected ? "full-pcpus-only" : "static policy without options",
                {NoneOf("cores on which threads of two pods were seen",
                        SharedCores(context.topology(), run.crews)),
                 NoneOf("sightings outside a pod's own CPUs", run.SeenOutside()),
                 CountCheck("pods refused with SMTAlignmentError", 1,
                            TRY(RefusedFor(run.plan, "odd", "SMTAlignmentError")))});
}

// kubepods ─┬─ pod wide (Guaranteed, a CPU more than a NUMA node has)  TopologyAffinityError
//           └─ pod fits (Guaranteed, as many as a NUMA node has)       cpuset.cpus of one node
Result<results::Arm> MeasureSingleNuma(ArmContext& context) {
  const Topology& topology = context.topology();
  const int node = Largest(ByUnit(topology, context.online(), &CpuPlace::node));
  const std::vector<kubelet::Pod> pods = {ExclusivePod("wide", node + 1),
                                          ExclusivePod("fits", node)};
  kubelet::KubeletConfiguration config = StaticPolicy(FirstCpu(topology));
  const bool is_protected = context.Protected();
  if (is_protected) config.topology_manager_policy = "single-numa-node";
  Admitted run = TRY(Run(context, config, pods));
  size_t most = 0;
  for (const Crew& crew : run.crews) {
    most = std::max(most, ByUnit(topology, crew.Cpus(), &CpuPlace::node).size());
  }
  return Finish(
      run, fmt::format("topologyManagerPolicy {}", config.topology_manager_policy),
      {CountCheck("NUMA nodes that threads of one pod were seen on", 1, static_cast<double>(most)),
       NoneOf("sightings outside a pod's own CPUs", run.SeenOutside()),
       CountCheck("pods refused with TopologyAffinityError", 1,
                  TRY(RefusedFor(run.plan, "wide", "TopologyAffinityError")))});
}

// kubepods ── pod (Guaranteed, more CPUs than a NUMA node has free)  half of them from each node
Result<results::Arm> MeasureDistributeNuma(ArmContext& context) {
  const Topology& topology = context.topology();
  const int node = Largest(ByUnit(topology, context.online(), &CpuPlace::node));
  const int cpus = node + 2 - node % 2;  // even, and more than one node has
  if (Largest(TRY(WithoutOption(context, cpus, &CpuPlace::node))) == cpus / 2) {
    return Unsupported("on this node a pod of {} CPUs is evenly distributed without the option",
                       cpus);
  }
  const bool is_protected = context.Protected();
  const CpuSet reserved = FirstCpu(topology);
  Admitted run = TRY(Run(context,
                         is_protected ? StaticPolicy(reserved, {"distribute-cpus-across-numa"})
                                      : StaticPolicy(reserved),
                         {ExclusivePod("pod", cpus)}));
  if (run.crews.empty()) return Fail("the pod was refused: {}", run.plan.pods.front().message);
  const int most = Largest(ByUnit(topology, run.crews.front().Cpus(), &CpuPlace::node));
  return Finish(
      run, is_protected ? "distribute-cpus-across-numa" : "packed",
      {CountCheck("CPUs of one NUMA node that its threads were seen on", cpus / 2.0, most),
       NoneOf("sightings outside its own CPUs", run.SeenOutside())});
}

// kubepods ── pod (Guaranteed, as many CPUs as share a last-level cache)
Result<results::Arm> MeasureUncore(ArmContext& context) {
  const Topology& topology = context.topology();
  const int cpus = Largest(ByUnit(topology, context.online(), &CpuPlace::llc));
  if (TRY(WithoutOption(context, cpus, &CpuPlace::llc)).size() == 1) {
    return Unsupported("on this node a pod of {} CPUs is under one last-level cache anyway", cpus);
  }
  const bool is_protected = context.Protected();
  const CpuSet reserved = FirstCpu(topology);
  Admitted run = TRY(Run(context,
                         is_protected ? StaticPolicy(reserved, {"prefer-align-cpus-by-uncorecache"})
                                      : StaticPolicy(reserved),
                         {ExclusivePod("pod", cpus)}));
  if (run.crews.empty()) return Fail("the pod was refused: {}", run.plan.pods.front().message);
  const size_t caches = ByUnit(topology, run.crews.front().Cpus(), &CpuPlace::llc).size();
  return Finish(run, is_protected ? "prefer-align-cpus-by-uncorecache" : "packed",
                {CountCheck("last-level caches under its threads", 1, static_cast<double>(caches)),
                 NoneOf("sightings outside its own CPUs", run.SeenOutside())});
}

}  // namespace

Claim CpusetFullCores() {
  return {
      .id = "cpuset.full-cores",
      .statement =
          "With full-pcpus-only no pod's threads ever share a core with an exclusive "
          "pod's, and requests for part of a core are refused.",
      .source =
          "KEP-2625; Kubernetes 1.36 pkg/kubelet/cm/cpumanager/policy_static.go, "
          "validateSMTAlignment()",
      .needs = {.controllers = kCpusetControllers, .cpus = 4, .threads = 2},
      .explanation =
          {.tree = "kubepods ─┬─ pod odd (Guaranteed, 1 CPU)    refused\n"
                   "          ├─ pod even (Guaranteed, 2 CPUs)  both threads of a core\n"
                   "          └─ burstable ── pod s             the shared pool\n"
                   "Static policy with full-pcpus-only, the first core reserved.",
           .load = "In each pod that is admitted a spinning thread more than it has CPUs and "
                   "two that wake up after every 32 samples; 100,000 samples in all.",
           .expected = "No core with threads of two pods, no sample outside a pod's own CPUs, and "
                       "SMTAlignmentError for the odd request.",
           .tolerance = kCountedText,
           .control = "Without the option pod odd gets one thread of a core, whose other thread "
                      "stays in the shared pool."},
      .measure = MeasureFullCores};
}

Claim CpusetSingleNuma() {
  return {
      .id = "cpuset.single-numa",
      .statement =
          "With single-numa-node the threads of a pod run on one NUMA node, and a pod "
          "that fits on none is refused.",
      .source =
          "KEP-693; Kubernetes 1.36 pkg/kubelet/cm/topologymanager/policy_single_numa_node.go",
      .needs = {.controllers = kCpusetControllers,
                .cpus = 4,
                .numa_nodes = 2,
                .cpus_per_numa_node = 2},
      .explanation =
          {.tree = "kubepods ─┬─ pod wide (Guaranteed, a CPU more than a NUMA node)  refused\n"
                   "          └─ pod fits (Guaranteed, a NUMA node's CPUs)           one node\n"
                   "Static CPU Manager policy, the first CPU reserved.",
           .load = "In each pod that is admitted a spinning thread more than it has CPUs and "
                   "two that wake up after every 32 samples; 100,000 samples in all.",
           .expected = "Threads of a pod on one NUMA node, none outside its own CPUs, and "
                       "TopologyAffinityError for pod wide.",
           .tolerance = kCountedText,
           .control = "topologyManagerPolicy none: pod wide is admitted and straddles two nodes."},
      .measure = MeasureSingleNuma};
}

Claim CpusetDistributeNuma() {
  return {
      .id = "cpuset.distribute-numa",
      .statement =
          "With distribute-cpus-across-numa a pod that needs two NUMA nodes runs on as "
          "many CPUs of one as of the other.",
      .source =
          "KEP-2902; Kubernetes 1.36 pkg/kubelet/cm/cpumanager/cpu_assignment.go, "
          "takeByTopologyNUMADistributed()",
      .needs = {.controllers = kCpusetControllers,
                .cpus = 6,
                .numa_nodes = 2,
                .cpus_per_numa_node = 3},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed, more CPUs than a NUMA node has) ── main\n"
                   "Static policy with distribute-cpus-across-numa, the first CPU reserved. With "
                   "fewer than three CPUs in a node, packing and distributing come to the same.",
           .load =
               "A spinning thread more than the pod has CPUs and two that wake up after every 32 "
               "samples; 100,000 samples in all.",
           .expected = "Threads on half of the pod's CPUs in each node, none outside its own CPUs.",
           .tolerance = kCountedText,
           .control = "Without the option the pod takes a whole node and the rest of another."},
      .measure = MeasureDistributeNuma};
}

Claim CpusetUncore() {
  return {
      .id = "cpuset.uncore",
      .statement =
          "With prefer-align-cpus-by-uncorecache a pod that fits under one last-level "
          "cache runs under one.",
      .source =
          "KEP-4800; Kubernetes 1.36 pkg/kubelet/cm/cpumanager/cpu_assignment.go, "
          "takeUncoreCache()",
      .needs = {.controllers = kCpusetControllers, .cpus = 4, .last_level_caches = 2},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed, as many CPUs as share a cache) ── main\n"
                   "Static policy with prefer-align-cpus-by-uncorecache, the first CPU reserved.",
           .load =
               "A spinning thread more than the pod has CPUs and two that wake up after every 32 "
               "samples; 100,000 samples in all.",
           .expected = "Threads under one last-level cache, none outside the pod's own CPUs.",
           .tolerance = kCountedText,
           .control = "Without the option the pod takes the lowest free cores, under two caches."},
      .measure = MeasureUncore};
}

}  // namespace nodeproof::conformance
