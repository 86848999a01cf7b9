// The static CPU Manager policy's division of a node: reserved CPUs, exclusive CPUs, shared pool.
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/cpuset/crew.h"
#include "conformance/cpuset/static_policy.h"

namespace nodeproof::conformance {
namespace {

constexpr const char* kCountedText =
    "None: the sightings are counted, not estimated, and one in the wrong place is one too many.";

// A pod with threads, and where the static policy puts them.
struct Placed {
  Crew crew;
  CpuSet cpus;  // of the protected arm, in both arms
};

Result<std::vector<Placed>> StartAll(ArmContext& context, const capsule::Tree& tree,
                                     const kubelet::Plan& by_policy,
                                     const std::vector<kubelet::Pod>& pods) {
  std::vector<Placed> placed;
  for (const kubelet::Pod& pod : pods) {
    const CpuSet cpus = TRY(PlannedCpus(by_policy, pod.uid, context.online()));
    Crew crew = TRY(Crew::Start(context, {.name = "pod " + pod.name,
                                          .group = TRY(tree.Container(pod.uid, "main")),
                                          .cpus = cpus.size()}));
    placed.push_back({std::move(crew), cpus});
  }
  return placed;
}

std::vector<Crew*> CrewsOf(std::vector<Placed>& placed) {
  std::vector<Crew*> crews;
  for (Placed& pod : placed) crews.push_back(&pod.crew);
  return crews;
}

uint64_t SeenOutsideTheirOwn(const std::vector<Placed>& placed) {
  uint64_t sum = 0;
  for (const Placed& pod : placed) sum += pod.crew.SeenOutside(pod.cpus);
  return sum;
}

size_t Difference(const CpuSet& a, const CpuSet& b) { return ((a - b) | (b - a)).size(); }

// kubepods ─┬─ pod a (Guaranteed, 1 CPU) ── main  cpuset.cpus 1      CPU 0 is reserved
//           ├─ pod b (Guaranteed, 1 CPU) ── main  cpuset.cpus 2
//           └─ burstable ── pod s ── main         cpuset.cpus 3, the shared pool
Result<results::Arm> MeasureExclusiveDisjoint(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {ExclusivePod("a", 1), ExclusivePod("b", 1),
                                          SharedPod("s")};
  const CpuSet reserved = FirstCpu(context.topology());
  const kubelet::Plan by_policy =
      TRY(context.PlanHere(StaticPolicy(reserved, {"strict-cpu-reservation"}), pods));
  const bool is_protected = context.Protected();
  const capsule::Tree tree =
      TRY(context.Plant(is_protected ? by_policy : TRY(context.PlanHere({}, pods))));
  std::vector<Placed> placed = TRY(StartAll(context, tree, by_policy, pods));
  TRY(Observe(context, CrewsOf(placed)));

  const CpuSet a = placed[0].crew.Cpus();
  const CpuSet b = placed[1].crew.Cpus();
  const CpuSet shared = placed[2].crew.Cpus();
  const CpuSet exclusive = placed[0].cpus | placed[1].cpus;
  return FinishArm(
      tree, is_protected ? "static CPU Manager policy" : "CPU Manager policy none", CrewsOf(placed),
      {NoneOf("sightings outside a pod's own CPUs", SeenOutsideTheirOwn(placed)),
       NoneOf("CPUs that threads of two pods were seen on", ((a & b) | ((a | b) & shared)).size()),
       NoneOf("CPUs by which the shared pool is not online - reserved - exclusive",
              Difference(placed[2].cpus, context.online() - reserved - exclusive))});
}

// / ─┬─ system.slice                           threads on the reserved CPU 0 and wherever
//    └─ kubepods ─┬─ pod g (Guaranteed, 500m)  ┐
//                 ├─ burstable ── pod s        ├ cpuset.cpus: all but CPU 0
//                 └─ besteffort ── pod e       ┘
Result<results::Arm> MeasureReserved(ArmContext& context) {
  const kubelet::Pod fraction = MakePod("g", {{.cpu_request = "500m",
                                               .cpu_limit = "500m",
                                               .memory_request = "128Mi",
                                               .memory_limit = "128Mi"}});
  const std::vector<kubelet::Pod> pods = {fraction, SharedPod("s"), MakePod("e", {{}})};
  const CpuSet reserved = FirstCpu(context.topology());
  const kubelet::Plan by_policy =
      TRY(context.PlanHere(StaticPolicy(reserved, {"strict-cpu-reservation"}), pods));
  const bool is_protected = context.Protected();
  const capsule::Tree tree = TRY(context.Plant(
      is_protected ? by_policy : TRY(context.PlanHere(StaticPolicy(reserved), pods))));
  std::vector<Placed> placed = TRY(StartAll(context, tree, by_policy, pods));
  TRY(Observe(context, CrewsOf(placed)));

  uint64_t on_reserved = 0;
  for (const Placed& pod : placed) on_reserved += pod.crew.SeenOn(reserved);
  return FinishArm(
      tree, is_protected ? "strict-cpu-reservation" : "no strict-cpu-reservation", CrewsOf(placed),
      {NoneOf(fmt::format("sightings of pods on the reserved CPU {}", reserved.ToString()),
              on_reserved),
       NoneOf("sightings outside a pod's own CPUs", SeenOutsideTheirOwn(placed))});
}

}  // namespace

Claim CpusetExclusiveDisjoint() {
  return {
      .id = "cpuset.exclusive-disjoint",
      .statement =
          "Containers with exclusive CPUs share no CPU with each other, with the shared "
          "pool or with the reserved CPUs.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/cpumanager/policy_static.go; test/e2e_node/"
          "cpu_manager_test.go",
      .needs = {.controllers = kCpusetControllers, .cpus = 4},
      .explanation =
          {.tree = "kubepods ─┬─ pod a (Guaranteed, 1 CPU) ── main  an exclusive CPU\n"
                   "          ├─ pod b (Guaranteed, 1 CPU) ── main  another one\n"
                   "          └─ burstable ── pod s ── main         the shared pool\n"
                   "Static policy with strict-cpu-reservation, the first CPU reserved.",
           .load = "In each pod a spinning thread more than it has CPUs and two that wake up "
                   "after every 32 samples; 100,000 samples of sched_getcpu(3) in all.",
           .expected = "No sample of a pod outside the CPUs that the policy gives it, no CPU on "
                       "which two pods were seen, and a shared pool of online - reserved - "
                       "exclusive CPUs.",
           .tolerance = kCountedText,
           .control = "CPU Manager policy none: everybody runs everywhere."},
      .measure = MeasureExclusiveDisjoint};
}

Claim CpusetReserved() {
  return {
      .id = "cpuset.reserved",
      .statement = "With strict-cpu-reservation no pod ever runs on reservedSystemCPUs.",
      .source = "KEP-4540; Kubernetes 1.36 pkg/kubelet/cm/cpumanager/policy_static.go",
      .needs = {.controllers = kCpusetControllers, .cpus = 2},
      .explanation =
          {.tree = "kubepods ─┬─ pod g (Guaranteed, 500m) ── main  ┐\n"
                   "          ├─ burstable ── pod s ── main        ├ all but the reserved CPUs\n"
                   "          └─ besteffort ── pod e ── main       ┘\n"
                   "Static policy with strict-cpu-reservation, the first CPU reserved.",
           .load = "In each pod a spinning thread more than it has CPUs and two that wake up "
                   "after every 32 samples; 100,000 samples of sched_getcpu(3) in all.",
           .expected = "No sample on a reserved CPU.",
           .tolerance = kCountedText,
           .control = "The same without strict-cpu-reservation: the reserved CPUs are part of the "
                      "shared pool."},
      .measure = MeasureReserved};
}

}  // namespace nodeproof::conformance
