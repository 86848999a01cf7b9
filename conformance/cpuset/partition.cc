// cpuset.cpus.partition: a group that takes its CPUs away from everybody else.
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/cpuset/crew.h"
#include "conformance/cpuset/static_policy.h"
#include "harness/base/file.h"

namespace nodeproof::conformance {
namespace {

using cgroup::Cgroup;

constexpr const char* kPartition = "cpuset.cpus.partition";

// A group that is made a partition root, and a member again at the end.
class Partition {
 public:
  explicit Partition(const Cgroup& group) : group_(group) {}
  Partition(const Partition&) = delete;
  ~Partition() { (void)group_.Write(kPartition, "member"); }

  // What the kernel says of it afterwards: `type`, or "root invalid (…)". Errors: it does not take
  // the type at all.
  Result<std::string> Become(const std::string& type) {
    if (const Status written = group_.Write(kPartition, type); !written) {
      if (written.error().code != EINVAL) return std::unexpected(written.error());
      return Unsupported("{} of this kernel does not take '{}'", kPartition, type);
    }
    return std::string(Trim(TRY(group_.Read(kPartition))));
  }

 private:
  const Cgroup& group_;
};

// What two kinds of partition did to their neighbours, added up.
struct Findings {
  uint64_t trespasses = 0;    // sightings of the sibling's threads on the partition's CPUs
  uint64_t strays = 0;        // sightings of any thread on CPUs that its group never had
  size_t kept_by_parent = 0;  // CPUs of the partition in the parent's effective set
  size_t invalid = 0;
};

// capsule   cpuset.cpus 1-3, root ─┬─ system.slice                threads, on CPU 1 only
//                                  └─ kubepods  cpuset.cpus 2-3   root, then isolated
Result<results::Arm> MeasurePartition(ArmContext& context) {
  const Cgroup& capsule = context.environment().capsule->group();
  if (!capsule.Has(kPartition)) return Unsupported("the kernel has no {}", kPartition);
  const CpuSet ours = context.online() - FirstCpu(context.topology());
  const CpuSet theirs = ours - CpuSet{ours.First()};  // of the partition
  kubelet::Plan plan = TRY(context.PlanHere({}, {SharedPod("pod")}));
  std::string kubepods;
  for (const kubelet::PlannedCgroup& slice : plan.root.children) {
    if (slice.role == kubelet::CgroupRole::kNodeSlice) kubepods = slice.path;
  }
  TRY(Override(plan, kubepods, "cpuset.cpus", theirs.ToString(), "the partition's"));
  const capsule::Tree tree = TRY(context.Plant(plan, {.cpus = ours}));
  Partition parent(capsule);
  if (const std::string state = TRY(parent.Become("root")); state != "root") {
    return Fail("the capsule did not become a partition root: {}", state);
  }
  Crew sibling =
      TRY(Crew::Start(context, {.name = "system.slice", .group = TRY(tree.SystemSlice())}));
  Findings found;
  TRY(Observe(context, {&sibling}));
  found.strays = sibling.SeenOutside(ours);

  Partition partition(*TRY(tree.NodeSlice()));
  std::vector<std::string> states;
  for (const char* type : {"root", "isolated"}) {
    const std::string wanted = context.Protected() ? type : "member";
    TRY(partition.Become("member"));
    states.push_back(TRY(partition.Become(wanted)));
    found.invalid += states.back() == wanted ? 0 : 1;
    const CpuSet left = TRY(cgroup::ReadCpuSet(capsule, "cpuset.cpus.effective"));
    found.kept_by_parent += (left & theirs).size();
    TRY(Observe(context, {&sibling}));  // the partition's CPUs are idle: the most tempting
    found.trespasses += sibling.SeenOn(theirs);
    found.strays += sibling.SeenOutside(ours);
  }
  Crew inside = TRY(Crew::Start(
      context,
      {.name = "kubepods", .group = TRY(tree.Container("pod", "main")), .cpus = theirs.size()}));
  const CpuSet gathered{theirs.First()};
  TRY(inside.Gather(theirs));
  TRY(Observe(context, {&sibling, &inside}));
  found.trespasses += sibling.SeenOn(theirs);
  found.strays += sibling.SeenOutside(ours) + inside.SeenOutside(theirs);
  return FinishArm(
      tree, fmt::format("kubepods is {}", fmt::join(states, ", then ")), {&sibling, &inside},
      {NoneOf("sightings of the sibling's threads on the partition's CPUs", found.trespasses),
       NoneOf("sightings of threads outside their own group's CPUs", found.strays),
       NoneOf("CPUs of the partition that its parent kept", found.kept_by_parent),
       NoneOf("sightings of the isolated partition's threads off the CPU they were put on",
              inside.SeenOutside(gathered)),
       NoneOf("partitions that are invalid", found.invalid)});
}

}  // namespace

Claim CpusetPartition() {
  return {
      .id = "cpuset.partition",
      .statement =
          "A partition takes its CPUs away from its parent and siblings: their running "
          "threads leave them and stay away.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.cpus.partition\"; "
          "kernel/cgroup/cpuset.c, update_prstate()",
      .needs = {.controllers = kCpusetControllers,
                .cpus = 3,
                .whole_node = true,
                .why_whole_node = "a partition takes CPUs away from everybody outside the capsule"},
      .explanation =
          {.tree = "capsule  all CPUs but the first, root ─┬─ system.slice\n"
                   "                                       └─ kubepods  all but two, root, then "
                   "isolated",
           .load = "In system.slice a spinning thread for each CPU of the node, later in a pod "
                   "one more than it has CPUs, and in each two that wake up after every 32 samples "
                   "of sched_getcpu(3). The pod's threads start when both kinds of partition have "
                   "been watched with idle CPUs; they are put on one CPU, and may use all.",
           .expected = "cpuset.cpus.partition reads root, and later isolated; the partition's CPUs "
                       "leave the capsule's cpuset.cpus.effective; no sample of system.slice on "
                       "them, none of the pod elsewhere. In the isolated partition nothing is "
                       "balanced: each of the pod's threads stays on the CPU it was put on.",
           .tolerance = "None: the sightings are counted. Counting begins when each thread has "
                        "taken two samples since the partition was made.",
           .control = "kubepods stays a member: system.slice is seen on its CPUs."},
      .measure = MeasurePartition};
}

}  // namespace nodeproof::conformance
