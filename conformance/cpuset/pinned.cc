// cpuset.cpus: threads run where they may, and nowhere else.
#include "conformance/arm_context.h"
#include "conformance/cpuset/cpuset_claims.h"
#include "conformance/pods.h"
#include "harness/measure/estimate.h"
#include "harness/probe/placement.h"

namespace nodeproof::conformance {
namespace {

using results::Relation;

constexpr uint64_t kSamples = 100'000;

struct Sightings {
  uint64_t inside = 0;
  uint64_t outside = 0;
};

Sightings Count(const std::vector<probe::Placement>& probes, const CpuSet& allowed) {
  Sightings sightings;
  for (const probe::Placement& probe : probes) {
    for (const auto& [cpu, count] : probe.Seen()) {
      (allowed.Contains(cpu) ? sightings.inside : sightings.outside) += count;
    }
  }
  return sightings;
}

// kubepods ── pod (Guaranteed) ── main  cpuset.cpus N    two busy threads for each CPU of the node
Result<results::Arm> MeasurePinned(ArmContext& context) {
  const bool is_protected = context.Protected();
  const CpuSet exclusive{context.QuietCpu()};
  const auto edit = [&](kubelet::Plan& plan) -> Status {
    if (!is_protected) return {};
    return Override(plan, TRY(PathOfContainer(plan, "pod")), "cpuset.cpus", exclusive.ToString(),
                    "exclusive CPU of the static policy");
  };
  const kubelet::Pod pod = MakePod(
      "pod",
      {{.cpu_request = "1", .cpu_limit = "1", .memory_request = "256Mi", .memory_limit = "256Mi"}});
  const capsule::Tree tree = TRY(
      context.Plant(kubelet::SimpleNode(static_cast<int>(context.online().size()), GiB(8).value),
                    {}, {pod}, edit));
  const cgroup::Cgroup& group = *TRY(tree.Container("pod", "main"));

  std::vector<probe::Placement> probes;
  for (size_t i = 0; i < 2 * context.online().size(); ++i) {
    probes.push_back(TRY(probe::Placement::Start({.group = &group})));
  }
  for (probe::Placement& probe : probes) TRY(probe.AwaitReady(context.patience()));

  // Half a second at least, so that the load balancer has had its chances, then on until the
  // samples are there or the arm's patience is over.
  const Nanoseconds begun = context.clock().Now();
  Sightings sightings;
  for (Nanoseconds look = begun + Milliseconds(500);; look += Milliseconds(100)) {
    context.clock().WaitUntil(look);
    sightings = Count(probes, exclusive);
    if (sightings.inside + sightings.outside >= kSamples) break;
    if (context.clock().Now() - begun > context.patience()) break;
  }

  results::Arm arm;
  arm.description =
      is_protected ? fmt::format("cpuset.cpus {}", exclusive.ToString()) : "no cpuset";
  arm.checks = {measure::ExactCheck(fmt::format("sightings outside CPU {}", exclusive.ToString()),
                                    {0, Relation::kAtMost, 0, "count"},
                                    static_cast<double>(sightings.outside))};
  arm.notes = tree.discrepancies();
  arm.tree = tree.entries();
  arm.load = {{"placement probes", "samples", static_cast<double>(kSamples),
               static_cast<double>(sightings.inside + sightings.outside)}};
  return arm;
}

}  // namespace

Claim CpusetPinned() {
  return {
      .id = "cpuset.pinned",
      .statement = "Threads of a container with exclusive CPUs only ever run on them.",
      .source =
          "Documentation/admin-guide/cgroup-v2.rst, \"cpuset.cpus\"; Kubernetes static CPU "
          "Manager policy",
      .needs = {.controllers = {"cpu", "cpuset", "memory", "pids"}, .cpus = 2},
      .explanation =
          {.tree = "kubepods ── pod (Guaranteed) ── main  cpuset.cpus N (the highest-numbered CPU)",
           .load = "Two busy threads for each CPU of the node, each asking sched_getcpu(3) all the "
                   "time: at least 100,000 samples.",
           .expected = "No sample on any other CPU.",
           .tolerance = "None: the sightings are counted, not estimated.",
           .control = "No cpuset: the load balancer spreads the threads over all CPUs."},
      .measure = MeasurePinned};
}

}  // namespace nodeproof::conformance
