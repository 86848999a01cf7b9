// The shared pool: what is left of a node when exclusive pods have taken their CPUs, and what comes
// back when they go.
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/cpuset/crew.h"
#include "conformance/cpuset/static_policy.h"
#include "harness/kubelet/admit/node_allocator.h"
#include "harness/measure/estimate.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr int kExclusive = 2;

// kubepods ─┬─ pod x (Guaranteed, 2 CPUs) ── main  cpuset.cpus 1-2
//           └─ burstable ── pod s ── main          cpuset.cpus 0-3, then 0,3, then 0-3 again
class PoolOfPods {
 public:
  static Result<PoolOfPods> Plant(ArmContext& context) {
    PoolOfPods pods;
    const kubelet::KubeletConfiguration config = StaticPolicy(FirstCpu(context.topology()));
    auto allocator = TRY(admit::NodeAllocator::Create(context.NodeHere(), config));
    allocator.Admit(pods.shared_);
    pods.whole_ = allocator.SharedPool();
    if (const auto admission = allocator.Admit(pods.exclusive_); !admission.admitted) {
      return Fail("pod x was refused: {}: {}", admission.reason, admission.message);
    }
    pods.shrunken_ = allocator.SharedPool();
    allocator.Release(pods.exclusive_.uid);
    pods.returned_ = allocator.SharedPool();
    const kubelet::Plan plan = TRY(context.PlanHere(config, {pods.exclusive_, pods.shared_}));
    pods.tree_.emplace(TRY(context.Plant(plan)));
    pods.group_ = TRY(pods.tree_->Container("s", "main"));
    return pods;
  }

  // Writes the pool to cpuset.cpus of the pod in it, as the CPU Manager's reconciler does.
  Status SetPool(const CpuSet& pool) const {
    return TRY(cgroup::SetKnob(*group_, "cpuset.cpus", pool.ToString())).kept
               ? Status()
               : Fail("cpuset.cpus of pod s did not take {}", pool.ToString());
  }

  const capsule::Tree& tree() const { return *tree_; }
  const cgroup::Cgroup* group() const { return group_; }
  // The shared pool before pod x comes, beside it, and after it has gone.
  const CpuSet& whole() const { return whole_; }
  const CpuSet& shrunken() const { return shrunken_; }
  const CpuSet& returned() const { return returned_; }
  CpuSet exclusive() const { return whole_ - shrunken_; }
  Result<const cgroup::Cgroup*> ExclusiveGroup() const { return tree_->Container("x", "main"); }

 private:
  kubelet::Pod exclusive_ = ExclusivePod("x", kExclusive);
  kubelet::Pod shared_ = SharedPod("s");
  CpuSet whole_, shrunken_, returned_;
  std::optional<capsule::Tree> tree_;
  const cgroup::Cgroup* group_ = nullptr;
};

Result<results::Arm> MeasureSharedPool(ArmContext& context) {
  const PoolOfPods pods = TRY(PoolOfPods::Plant(context));
  TRY(pods.SetPool(pods.whole()));
  Crew shared = TRY(Crew::Start(context, {.name = "pod s", .group = pods.group()}));
  TRY(Observe(context, {&shared}));
  AwaitSpread(context, shared, pods.whole());
  const results::LoadProof before =
      SpreadProof(shared, pods.whole(), "before the exclusive pod came");

  // First the exclusive CPUs are idle, and so most tempting; then their owner uses them.
  if (context.Protected()) TRY(pods.SetPool(pods.shrunken()));
  TRY(Observe(context, {&shared}));
  const uint64_t on_idle = shared.SeenOn(pods.exclusive());
  Crew exclusive = TRY(Crew::Start(
      context,
      {.name = "pod x", .group = TRY(pods.ExclusiveGroup()), .cpus = pods.exclusive().size()}));
  TRY(Observe(context, {&shared, &exclusive}));
  results::Arm arm = TRY(FinishArm(
      pods.tree(),
      context.Protected() ? fmt::format("the shared pool shrinks from {} to {}",
                                        pods.whole().ToString(), pods.shrunken().ToString())
                          : "the shared pool stays as it was",
      {&shared, &exclusive},
      {NoneOf("sightings of the shared pool's threads on exclusive CPUs",
              on_idle + shared.SeenOn(pods.exclusive())),
       NoneOf("sightings of the exclusive pod's threads elsewhere",
              exclusive.SeenOutside(pods.exclusive())),
       measure::ExactCheck("exclusive CPUs of the pod that came",
                           {kExclusive, Relation::kWithin, 0, "count"},
                           static_cast<double>(pods.exclusive().size()))}));
  arm.load.push_back(before);
  return arm;
}

Result<results::Arm> MeasureReturned(ArmContext& context) {
  const PoolOfPods pods = TRY(PoolOfPods::Plant(context));
  TRY(pods.SetPool(pods.shrunken()));
  Crew shared = TRY(Crew::Start(context, {.name = "pod s", .group = pods.group()}));
  TRY(Observe(context, {&shared}));
  const uint64_t early = shared.SeenOutside(pods.shrunken());

  if (context.Protected()) TRY(pods.SetPool(pods.returned()));
  TRY(Observe(context, {&shared}));
  AwaitSpread(context, shared, pods.exclusive());
  const CpuSet back = shared.Cpus() & pods.exclusive();
  return FinishArm(
      pods.tree(),
      context.Protected() ? fmt::format("the shared pool grows from {} to {}",
                                        pods.shrunken().ToString(), pods.returned().ToString())
                          : "the shared pool stays as small as it was",
      {&shared},
      {measure::ExactCheck("returned CPUs that the shared pool's threads use",
                           {kExclusive, Relation::kAtLeast, 0, "count"},
                           static_cast<double>(back.size())),
       NoneOf("CPUs that the shared pool lost", (context.online() - pods.returned()).size()),
       NoneOf("sightings on exclusive CPUs before they were returned", early)});
}

}  // namespace

Claim CpusetSharedPool() {
  return {
      .id = "cpuset.shared-pool",
      .statement =
          "When a pod with exclusive CPUs comes, the running threads of other pods leave "
          "these CPUs at once and stay away.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/cpumanager/cpu_manager.go, reconcileState(); "
          "kernel/cgroup/cpuset.c, update_tasks_cpumask()",
      .needs = {.controllers = kCpusetControllers, .cpus = 4},
      .explanation =
          {.tree = "kubepods ─┬─ pod x (Guaranteed, 2 CPUs) ── main  its exclusive CPUs\n"
                   "          └─ burstable ── pod s ── main          the shared pool\n"
                   "Static policy, the first CPU reserved (it is part of the shared pool).",
           .load = "In pod s a spinning thread for each CPU of the node and two that wake up after "
                   "every 32 samples. They have the whole node first and are seen on every CPU; "
                   "then the pool shrinks by the CPUs of pod x, which are idle for a while before "
                   "pod x runs threads on them.",
           .expected =
               "From the moment that cpuset.cpus is written, no sample of pod s on a CPU of "
               "pod x and none of pod x on another.",
           .tolerance = "None: the sightings are counted. A thread may count one sample late that "
                        "it took before; so counting begins when each thread has counted two more.",
           .control = "cpuset.cpus of pod s is left as it was: its threads stay on pod x's CPUs."},
      .measure = MeasureSharedPool};
}

Claim CpusetReturned() {
  return {
      .id = "cpuset.returned",
      .statement =
          "When a pod with exclusive CPUs has gone, the shared pool is whole again, and "
          "running threads use the returned CPUs.",
      .source =
          "Kubernetes 1.36 pkg/kubelet/cm/cpumanager/policy_static.go, RemoveContainer() (leaks: "
          "k8s#107906, #136604); kernel/cgroup/cpuset.c, update_tasks_cpumask()",
      .needs = {.controllers = kCpusetControllers, .cpus = 4},
      .explanation =
          {.tree = "kubepods ─┬─ pod x (Guaranteed, 2 CPUs) ── main  its exclusive CPUs\n"
                   "          └─ burstable ── pod s ── main          the shared pool\n"
                   "Static policy, the first CPU reserved (it is part of the shared pool).",
           .load = "In pod s a spinning thread for each CPU of the node and two that wake up after "
                   "every 32 samples, kept off the CPUs of pod x (which runs nothing) until it is "
                   "removed and the pool grows.",
           .expected = "The pool of the model is the whole node again; within 3 s the threads are "
                       "seen on both returned CPUs, and never before.",
           .tolerance = "None in number. In time: an idle CPU pulls a waiting thread at a tick (4 "
                        "ms), and the balancer runs at least every few hundred ms; 3 s leave room "
                        "for a host that lends the guest a third of the CPUs.",
           .control = "cpuset.cpus of pod s is left as small as it was: the CPUs stay idle."},
      .measure = MeasureReturned};
}

}  // namespace nodeproof::conformance
