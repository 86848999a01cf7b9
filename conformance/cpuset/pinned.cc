// cpuset.cpus: threads run where they may, and nowhere else.
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/cpuset/crew.h"
#include "conformance/cpuset/static_policy.h"

namespace nodeproof::conformance {
namespace {

constexpr const char* kCountedText =
    "None: the sightings are counted, not estimated, and one outside is one too many.";

// Where the exclusive pod of these claims may run: what the static policy gives it in the
// protected arm, and the same CPU, without any cpuset, in the control arm.
struct Pinned {
  capsule::Tree tree;
  const cgroup::Cgroup* group;
  CpuSet cpus;
  std::string description;
};

// kubepods ── pod (Guaranteed, 1 CPU) ── main  cpuset.cpus N
Result<Pinned> PlantPinned(ArmContext& context) {
  const std::vector<kubelet::Pod> pods = {ExclusivePod("pod", 1)};
  const CpuSet reserved = FirstCpu(context.topology());
  const kubelet::Plan pinned = TRY(context.PlanHere(StaticPolicy(reserved), pods));
  const CpuSet cpus = TRY(ExclusiveCpus(pinned, "pod"));
  const bool is_protected = context.Protected();
  capsule::Tree tree = TRY(context.Plant(is_protected ? pinned : TRY(context.PlanHere({}, pods))));
  const cgroup::Cgroup* group = TRY(tree.Container("pod", "main"));
  return Pinned{std::move(tree), group, cpus,
                is_protected ? fmt::format("cpuset.cpus {}", cpus.ToString()) : "no cpuset"};
}

Result<results::Arm> MeasurePinned(ArmContext& context) {
  const Pinned pinned = TRY(PlantPinned(context));
  Crew crew = TRY(Crew::Start(context, {.name = "pod",
                                        .group = pinned.group,
                                        .cpus = pinned.cpus.size(),
                                        .moved_from = TRY(pinned.tree.SystemSlice())}));
  TRY(Observe(context, {&crew}));
  return FinishArm(pinned.tree, pinned.description, {&crew},
                   {NoneOf(fmt::format("sightings outside CPU {}", pinned.cpus.ToString()),
                           crew.SeenOutside(pinned.cpus))});
}

Result<results::Arm> MeasureNoEscape(ArmContext& context) {
  const Pinned pinned = TRY(PlantPinned(context));
  const CpuSet outside = context.online() - pinned.cpus;
  Crew crew = TRY(Crew::Start(context, {.name = "fugitives",
                                        .group = pinned.group,
                                        .cpus = pinned.cpus.size(),
                                        .flees_to = outside}));
  TRY(Observe(context, {&crew}));
  return FinishArm(pinned.tree, pinned.description, {&crew},
                   {NoneOf(fmt::format("sightings outside CPU {}", pinned.cpus.ToString()),
                           crew.SeenOutside(pinned.cpus)),
                    NoneOf("affinities outside that the kernel granted", crew.Escapes())});
}

// A group of its own below a container, as a delegated one makes it, that asks for `cpus`.
Result<cgroup::Cgroup> MakeChild(const cgroup::Cgroup& parent, const std::string& name,
                                 const CpuSet& cpus) {
  TRY(parent.EnableControllers({"cpuset"}));
  cgroup::Cgroup child = TRY(parent.CreateChild(name));
  TRY(child.Write("cpuset.cpus", cpus.ToString()));
  return child;
}

// pod ── main  cpuset.cpus N ─┬─ wide      cpuset.cpus all ── wider  cpuset.cpus all
//                             └─ elsewhere cpuset.cpus all but N
Result<results::Arm> MeasureChildCannotWiden(ArmContext& context) {
  const Pinned pinned = TRY(PlantPinned(context));
  const CpuSet outside = context.online() - pinned.cpus;
  const cgroup::Cgroup wide = TRY(MakeChild(*pinned.group, "wide", context.online()));
  const cgroup::Cgroup wider = TRY(MakeChild(wide, "wider", context.online()));
  const cgroup::Cgroup elsewhere = TRY(MakeChild(*pinned.group, "elsewhere", outside));
  Crew deep = TRY(
      Crew::Start(context, {.name = "wide/wider", .group = &wider, .cpus = pinned.cpus.size()}));
  Crew aside = TRY(
      Crew::Start(context, {.name = "elsewhere", .group = &elsewhere, .cpus = pinned.cpus.size()}));
  TRY(Observe(context, {&deep, &aside}));
  CpuSet effective;
  for (const cgroup::Cgroup* group : {&wide, &wider, &elsewhere}) {
    effective = effective | TRY(cgroup::ReadCpuSet(*group, "cpuset.cpus.effective"));
  }
  return FinishArm(
      pinned.tree, pinned.description, {&deep, &aside},
      {NoneOf(fmt::format("sightings outside CPU {}", pinned.cpus.ToString()),
              deep.SeenOutside(pinned.cpus) + aside.SeenOutside(pinned.cpus)),
       NoneOf("CPUs in the children's cpuset.cpus.effective that the parent does not have",
              (effective - pinned.cpus).size())});
}

}  // namespace

Claim CpusetPinned() {
  return {
      .id = "cpuset.pinned",
      .statement = "Threads of a container with exclusive CPUs only ever run on them.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.cpus\"; Kubernetes static CPU "
          "Manager policy",
      .needs = {.controllers = kCpusetControllers, .cpus = 2},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed, 1 CPU) ── main  cpuset.cpus N\n"
                   "N is what the static policy gives on this node with its first CPU reserved.",
           .load = "In main two spinning threads and two that wake up after every 32 samples; "
                   "every other one is born in system.slice and moved in. Each "
                   "asks sched_getcpu(3) all the time: at least 100,000 samples and 100 wake-ups.",
           .expected = "No sample on any other CPU.",
           .tolerance = kCountedText,
           .control = "CPU Manager policy none, so no cpuset: the load balancer spreads the "
                      "threads over all CPUs."},
      .measure = MeasurePinned};
}

Claim CpusetNoEscape() {
  return {
      .id = "cpuset.no-escape",
      .statement = "A thread cannot leave the CPUs of its cpuset by asking for other CPUs.",
      .source =
          "sched_setaffinity(2); kernel/sched/syscalls.c, __sched_setaffinity() with "
          "cpuset_cpus_allowed()",
      .needs = {.controllers = kCpusetControllers, .cpus = 2},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed, 1 CPU) ── main  cpuset.cpus N",
           .load = "Threads in main as in cpuset.pinned that ask after every 32 samples, by turns, "
                   "for all CPUs but N and for all CPUs.",
           .expected = "No sample on another CPU; the first request is refused (EINVAL), the "
                       "second is cut down to N.",
           .tolerance = kCountedText,
           .control = "CPU Manager policy none, so no cpuset: the requests are granted, and the "
                      "threads run elsewhere."},
      .measure = MeasureNoEscape};
}

Claim CpusetChildCannotWiden() {
  return {
      .id = "cpuset.child-cannot-widen",
      .statement =
          "A group below a container gets no CPU that the container does not have, "
          "whatever it writes to its own cpuset.cpus.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.cpus.effective\"; "
          "kernel/cgroup/cpuset.c, update_cpumasks_hier()",
      .needs = {.controllers = kCpusetControllers, .cpus = 2},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed, 1 CPU) ── main  cpuset.cpus N\n"
                   "                                        ├─ wide       cpuset.cpus all\n"
                   "                                        │   └─ wider  cpuset.cpus all\n"
                   "                                        └─ elsewhere  cpuset.cpus all but N",
           .load = "Threads as in cpuset.pinned in wider and in elsewhere.",
           .expected = "No sample on another CPU than N, and no other CPU in any child's "
                       "cpuset.cpus.effective: what a parent lacks is cut off, and a child with "
                       "nothing left gets what its parent has.",
           .tolerance = kCountedText,
           .control = "CPU Manager policy none, so main has no cpuset: its children get what they "
                      "ask for."},
      .measure = MeasureChildCannotWiden};
}

}  // namespace nodeproof::conformance
